import { watch } from 'node:fs';

/** Resolves when the condition holds; checks whenever the file changes. */
export function changed(file: string, condition: () => boolean): Promise<void> {
  return new Promise((done) => {
    const watcher = watch(file, () => check());
    const check = (): void => {
      if (!condition()) return;
      watcher.close();
      done();
    };
    check();
  });
}
