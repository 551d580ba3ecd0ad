import { watch } from 'node:fs';

/** Resolves when the condition holds; looks whenever the file changes. */
export function changed(file: string, condition: () => boolean): Promise<void> {
  return new Promise((done) => {
    const watcher = watch(file, () => look());
    const look = (): void => {
      if (!condition()) return;
      watcher.close();
      done();
    };
    look();
  });
}
