/**
 * Process state that a function may change and the next one would see: working directory, environment, umask
 * and exit code. Before each call it is restored to its values after the functions file was loaded. Modules
 * and globals are shared.
 */

interface State {
  /** Null if it has been removed. */
  cwd: string | null;
  umask: number;
  env: NodeJS.ProcessEnv;
}

export class ProcessState {
  #saved: State | null = null;
  /**
   * The environment that functions see. It records changes, since comparing it costs more than a small
   * function.
   */
  readonly #env: NodeJS.ProcessEnv;
  #isEnvChanged = false;

  constructor() {
    const changed = <Args extends unknown[]>(change: (...args: Args) => boolean) => {
      return (...args: Args): boolean => {
        this.#isEnvChanged = true;
        return change(...args);
      };
    };
    this.#env = new Proxy<NodeJS.ProcessEnv>(process.env, {
      set: changed((env, name, value) => Reflect.set(env, name, value)),
      defineProperty: changed(Reflect.defineProperty),
      deleteProperty: changed(Reflect.deleteProperty),
    });
    process.env = this.#env;
  }

  /** Saves the state the first time, and restores it afterwards. */
  restore(): void {
    const { cwd, umask, env } = (this.#saved ??= this.#save());
    process.umask(umask);
    if (currentFolder() !== cwd) changeFolder(cwd);
    if (process.env !== this.#env) process.env = this.#env;
    if (this.#isEnvChanged) this.#restoreEnv(env);
    process.exitCode = undefined;
  }

  #save(): State {
    this.#isEnvChanged = false;
    return { cwd: currentFolder(), umask: process.umask(0), env: { ...this.#env } };
  }

  #restoreEnv(saved: NodeJS.ProcessEnv): void {
    for (const name of Object.keys(this.#env)) if (!Object.hasOwn(saved, name)) delete this.#env[name];
    for (const [name, value] of Object.entries(saved)) if (this.#env[name] !== value) this.#env[name] = value;
    this.#isEnvChanged = false;
  }
}

function changeFolder(cwd: string | null): void {
  try {
    if (cwd !== null) process.chdir(cwd);
  } catch {
    // It has been removed meanwhile, for all processes.
  }
}

function currentFolder(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}
