/**
 * The functions that a worker has. The embedded worker bundles the functions file again for every run, so
 * that an edit applies to the next run and to no run in flight; a deployed worker runs the code it was
 * started with.
 */
import { extname, join } from 'node:path';
import { sha256Of } from '../files/digest';
import { FunctionMissing } from '../functions/errors';
import { didYouMean } from '../core/nearest';
import type { FunctionPlan } from '../core/unit-plan';
import { bundleFunctions, describeFunctions } from '../runners/functions-file';
import type { FunctionBundle, Language } from '../runners/language';
import { languageOfBundle, languageOfSource } from '../runners/languages';
import type { FunctionDescription } from '../core/function-description';

/** A bundle of the project's functions and what it exports. */
export interface LoadedBundle extends FunctionBundle {
  functions: FunctionDescription[];
}

/** The built-in function `sql` has no bundle: its code is its query. */
export function sqlDigest(query: string): string {
  return `sql-${sha256Of(query)}`;
}

/** The code with which a worker runs a unit. */
export interface UnitBundle {
  digest: string;
  /** Null for the built-in function `sql`. */
  path: string | null;
  language: Language;
}

export class FunctionCatalog {
  /** By functions file. */
  readonly #latest = new Map<string, Promise<LoadedBundle>>();

  constructor(
    private readonly options: {
      /** The worker's own functions file; null if its project has none. */
      file: string | null;
      folder: string;
      reloads: boolean;
      /** See `RunnerOptions`. */
      passEnv?: readonly string[];
      cwd?: string;
      python?: string;
    },
  ) {}

  /** Whether files are bundled again for every run. */
  get reloads(): boolean {
    return this.options.reloads;
  }

  /** The bundle for planning a new run; null if there is no functions file. */
  async current(file = this.options.file): Promise<LoadedBundle | null> {
    if (file === null) return null;
    const latest = this.#latest.get(file);
    const loading = (this.reloads ? null : latest) ?? this.#load(file, latest);
    this.#latest.set(file, loading);
    try {
      return await loading;
    } catch (error) {
      this.#latest.delete(file);
      throw error;
    }
  }

  async #load(file: string, before: Promise<LoadedBundle> | undefined): Promise<LoadedBundle> {
    const { passEnv, cwd, python } = this.options;
    const { digest, path } = await bundleFunctions(file, this.options.folder, this.options);
    const known = await before?.catch(() => null);
    if (known != null && known.digest === digest) return known;
    return { digest, path, functions: await describeFunctions(path, { passEnv, cwd, python }) };
  }

  /**
   * The bundle for a unit of a planned run: the planned one if this worker has it, otherwise the one this
   * worker was deployed with.
   */
  async forUnit(planned: FunctionPlan): Promise<UnitBundle> {
    const { digest, path } = await this.#bundleOf(planned);
    const language = languageOfBundle(path);
    // The run was planned by a release that supports more languages.
    if (language === null) throw missing(planned.name);
    return { digest, path, language };
  }

  async #bundleOf({ name, digest, bundle, sql }: FunctionPlan): Promise<Omit<UnitBundle, 'language'>> {
    if (sql !== null) return { digest, path: null };
    if (this.reloads) return { digest, path: join(this.options.folder, `${digest}${extname(bundle ?? '')}`) };
    const current = await this.current();
    if (current?.functions.some((each) => each.name === name) === true) return current;
    throw missing(name);
  }
}

/** The message for a function that does not exist. */
export function unknownFunction(name: string, bundle: LoadedBundle | null, file: string | null): string {
  if (bundle === null) {
    return (
      `There is no functions file${file === null ? '' : ` "${file}"`}, so the function "${name}" cannot be found: ` +
      'create one with `partwise init`, or pass one with --functions FILE.'
    );
  }
  const names = bundle.functions.map((found) => found.name);
  const known =
    names.length === 0
      ? `It exports no partition function: write \`${languageOfSource(file!)!.example(name)}\`.`
      : `It has: ${names.join(', ')}.`;
  return `There is no function "${name}" in ${file}.${didYouMean(name, names)} ${known}`;
}

function missing(name: string): FunctionMissing {
  return new FunctionMissing(
    `This worker has no function "${name}": deploy it with the current functions file.`,
  );
}
