/**
 * The functions that a worker has. The embedded worker bundles the functions files again for every run, so
 * that an edit applies to the next run and to no run in flight; a deployed worker runs the code it was
 * started with.
 */
import { extname, join } from 'node:path';
import { sha256Of } from '../files/digest';
import { FunctionMissing } from '../functions/errors';
import { didYouMean } from '../core/nearest';
import type { FunctionPlan } from '../core/unit-plan';
import { describeBundle } from '../runners/descriptions';
import { bundleFunctions } from '../runners/functions-file';
import { FunctionsBuildError, type FunctionBundle, type Language } from '../runners/language';
import { languageOfBundle, languageOfSource } from '../runners/languages';
import type { FunctionDescription } from '../core/function-description';

/** A bundle of one functions file and what it exports. */
export interface LoadedBundle extends FunctionBundle {
  /** The functions file. */
  file: string;
  functions: FunctionDescription[];
}

/** The functions of several files. */
export interface LoadedFunctions {
  bundles: LoadedBundle[];
  /** Why other files cannot be loaded. The functions of those above can be used all the same. */
  failures: Error[];
}

/** The built-in function `sql` has no bundle: its code is its query. */
export function sqlDigest(query: string): string {
  return `sql-${sha256Of(query)}`;
}

/** The plan of a function of a bundle. */
export function plannedFunction(name: string, { digest, path, runtime }: FunctionBundle): FunctionPlan {
  const plan = { name, digest, bundle: path, sql: null };
  if (runtime === undefined) return plan;
  const { executable, python: version, packages } = runtime;
  return { ...plan, python: executable, runtime: { python: version, packages } };
}

/** The code with which a worker runs a unit. */
export interface UnitBundle {
  digest: string;
  /** Null for the built-in function `sql`. */
  path: string | null;
  language: Language;
  /** As in `FunctionPlan`, on this worker. */
  python?: string;
}

export class FunctionCatalog {
  /** By functions file and interpreter. */
  readonly #latest = new Map<string, Promise<LoadedBundle>>();

  constructor(
    private readonly options: {
      /** The worker's own functions files. */
      files: readonly string[];
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

  /** For planning a new run. Throws `FunctionsBuildError` if two files have a function of the same name. */
  async current({
    files = this.options.files,
    python = this.options.python,
  }: {
    files?: readonly string[];
    /** The interpreter for functions in Python. */
    python?: string;
  } = {}): Promise<LoadedFunctions> {
    const loads = await Promise.allSettled(files.map((file) => this.#currentOf(file, python)));
    const bundles = loads.flatMap((load) => (load.status === 'fulfilled' ? [load.value] : []));
    const failures = loads.flatMap((load) => (load.status === 'rejected' ? [asError(load.reason)] : []));
    const problems = sharedNames(bundles);
    if (problems.length > 0) throw new FunctionsBuildError(problems);
    return { bundles, failures };
  }

  /** All bundles. Throws the reason if a file cannot be loaded. */
  async bundles(): Promise<LoadedBundle[]> {
    const { bundles, failures } = await this.current();
    const [failure] = failures;
    if (failure !== undefined) throw failure;
    return bundles;
  }

  /** The names of all functions. Throws the reason if a file cannot be loaded. */
  async names(): Promise<string[]> {
    return (await this.bundles()).flatMap(({ functions }) => functions.map(({ name }) => name));
  }

  async #currentOf(file: string, python: string | undefined): Promise<LoadedBundle> {
    const place = `${file}\0${python ?? ''}`;
    const latest = this.#latest.get(place);
    const loading = (this.reloads ? null : latest) ?? this.#load(file, python, latest);
    this.#latest.set(place, loading);
    try {
      return await loading;
    } catch (error) {
      this.#latest.delete(place);
      throw error;
    }
  }

  async #load(
    file: string,
    python: string | undefined,
    before: Promise<LoadedBundle> | undefined,
  ): Promise<LoadedBundle> {
    const { folder, passEnv, cwd } = this.options;
    const bundle = await bundleFunctions(file, folder, { cwd, python });
    const known = await before?.catch(() => null);
    const isKnown = known?.digest === bundle.digest && known.runtime?.key === bundle.runtime?.key;
    const functions = isKnown ? known!.functions : await describeBundle(bundle, { passEnv, cwd });
    return { ...bundle, file, functions };
  }

  /**
   * The bundle for a unit of a planned run: the planned one if this worker has it, otherwise the one this
   * worker was deployed with.
   */
  async forUnit(planned: FunctionPlan): Promise<UnitBundle> {
    const { digest, path, python } = await this.#bundleOf(planned);
    const language = languageOfBundle(path);
    // The run was planned by a release that supports more languages.
    if (language === null) throw missing(planned.name);
    return { digest, path, language, python };
  }

  async #bundleOf(planned: FunctionPlan): Promise<Omit<UnitBundle, 'language'>> {
    const { name, digest, bundle, sql, python } = planned;
    if (sql !== null) return { digest, path: null };
    if (this.reloads)
      return { digest, path: join(this.options.folder, `${digest}${extname(bundle ?? '')}`), python };
    const { bundles } = await this.current();
    const found = bundles.find(({ functions }) => functions.some((each) => each.name === name));
    if (found === undefined) throw missing(name);
    return { digest: found.digest, path: found.path, python: found.runtime?.executable };
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}

/** A problem for each name that several files have. */
function sharedNames(bundles: readonly LoadedBundle[]): string[] {
  const files = new Map<string, string[]>();
  for (const { file, functions } of bundles)
    for (const { name } of functions) files.set(name, [...(files.get(name) ?? []), file]);
  return [...files]
    .filter(([, of]) => of.length > 1)
    .map(
      ([name, of]) =>
        `There are two functions named "${name}", in ${of.join(' and in ')}. Rename one of them.`,
    );
}

/** The messages for a function that does not exist. */
export function unknownFunction(name: string, { bundles, failures }: LoadedFunctions): string[] {
  // It may be in a file that does not load: the messages have file and line, so that it can be fixed.
  if (failures.length > 0) return failures.map(({ message }) => message);
  const [first] = bundles;
  if (first === undefined) {
    return [
      `There is no functions file, so the function "${name}" cannot be found: ` +
        'create one with `partwise init`, or pass one with --functions FILE.',
    ];
  }
  const files = bundles.map(({ file }) => file).join(' or ');
  if (languageOfSource(name) !== null)
    return [
      `"${name}" is the name of a file, not of a function. Name a function in it, as in "${name}:summarize".`,
    ];
  const names = bundles.flatMap(({ functions }) => functions.map((found) => found.name));
  const known =
    names.length === 0
      ? `It exports no partition function: write \`${languageOfSource(first.file)!.example(name)}\`.`
      : `${bundles.length === 1 ? 'It has' : 'They have'}: ${names.join(', ')}.`;
  return [`There is no function "${name}" in ${files}.${didYouMean(name, names)} ${known}`];
}

function missing(name: string): FunctionMissing {
  return new FunctionMissing(
    `This worker has no function "${name}": deploy it with the current functions file.`,
  );
}
