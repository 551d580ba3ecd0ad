/**
 * Yggdrasil Decision Forests by Google, in WebAssembly: the package `ydf-training`, which projects that use
 * it install. It is loaded when the first model is trained or read.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { InvalidResult } from '../../rows/invalid-result';

/** A column for YDF: numbers, text or booleans, with null for missing values. */
export type YdfColumn = unknown[];

interface YdfModel {
  internalModel: { save(path: string): void };
  predict(columns: Record<string, YdfColumn>): number[];
  getLabelClasses(): string[];
  unload(): void;
}

interface Ydf {
  GradientBoostedTreesLearner: new (
    label: string,
    task: 'REGRESSION' | 'CLASSIFICATION',
  ) => { train(columns: Record<string, YdfColumn>): YdfModel };
  loadModelFromZipBlob(zip: Uint8Array): Promise<YdfModel>;
  FS: {
    readdir(path: string): string[];
    readFile(path: string): Uint8Array;
    unlink(path: string): void;
    rmdir(path: string): void;
  };
}

interface Zip {
  file(name: string, content: Uint8Array, options: { date: Date }): void;
  generateAsync(options: {
    type: 'uint8array';
    compression: 'DEFLATE';
    compressionOptions: { level: number };
  }): Promise<Uint8Array>;
}

interface Engine {
  ydf: Ydf;
  JSZip: new () => Zip;
}

let loading: Promise<Engine> | null = null;
let models = 0;

/** A fixed date: real times in an archive would make equal models differ. */
const NO_DATE = new Date(Date.UTC(2000, 0, 1));

class LearnerMissing extends Error {
  override name = 'LearnerMissing';
  readonly nonRetryable = true;
}

async function load(): Promise<Engine> {
  const fromProject = createRequire(join(process.cwd(), 'package.json'));
  let path: string;
  try {
    path = find(fromProject);
  } catch {
    throw new LearnerMissing(
      'Gradient-boosted trees need the package ydf-training, which is not installed. Run: npm install ydf-training',
    );
  }
  const before = (['uncaughtException', 'unhandledRejection'] as const).map((event) => ({
    event,
    known: process.rawListeners(event),
  }));
  const make = require(path) as (options: object) => Promise<Ydf>;
  const ydf = await make({ print: () => {}, printErr: () => {} });
  // It adds listeners for uncaught errors that only rethrow them; the runner handles these errors (I5).
  for (const { event, known } of before) {
    for (const listener of process.rawListeners(event))
      if (!known.includes(listener)) process.off(event, listener as () => void);
  }
  return { ydf, JSZip: createRequire(path)('jszip') as Engine['JSZip'] };
}

/** Prefers the project's own copy. */
function find(fromProject: NodeJS.Require): string {
  try {
    return fromProject.resolve('ydf-training');
  } catch {
    return require.resolve('ydf-training');
  }
}

function engine(): Promise<Engine> {
  loading ??= load();
  loading.catch(() => (loading = null));
  return loading;
}

/** Trains a model and returns YDF's own zip archive, which YDF can also read in other languages. */
export async function trainTrees(
  columns: Record<string, YdfColumn>,
  label: string,
  task: 'REGRESSION' | 'CLASSIFICATION',
): Promise<Uint8Array> {
  const { ydf, JSZip } = await engine();
  let model: YdfModel;
  try {
    model = new ydf.GradientBoostedTreesLearner(label, task).train(columns);
  } catch (error) {
    throw new InvalidResult(`YDF cannot train on these rows: ${explain(error)}`);
  }
  const folder = `/partwise-${++models}`;
  try {
    model.internalModel.save(folder);
    const zip = new JSZip();
    for (const name of ydf.FS.readdir(folder)) {
      if (name === '.' || name === '..') continue;
      zip.file(name, ydf.FS.readFile(`${folder}/${name}`), { date: NO_DATE });
      ydf.FS.unlink(`${folder}/${name}`);
    }
    ydf.FS.rmdir(folder);
    // The default level takes as long as the training, for a file that is only a tenth smaller.
    return await zip.generateAsync({
      type: 'uint8array',
      compression: 'DEFLATE',
      compressionOptions: { level: 1 },
    });
  } finally {
    model.unload();
  }
}

/** YDF's values for each row, and the class names if there are classes. */
export async function askTrees(
  zip: Uint8Array,
  columns: Record<string, YdfColumn>,
): Promise<{ values: number[]; classes: string[] }> {
  const model = await readTrees(await engine(), zip);
  try {
    return { values: model.predict(columns), classes: model.getLabelClasses() };
  } finally {
    // Its memory is outside the JavaScript heap, so it must be freed explicitly.
    model.unload();
  }
}

/** YDF expects jszip as a global, as in a web page, so define it while YDF reads it. */
function readTrees({ ydf, JSZip }: Engine, zip: Uint8Array): Promise<YdfModel> {
  const globals = globalThis as { JSZip?: unknown };
  const before = globals.JSZip;
  globals.JSZip = JSZip;
  try {
    return ydf.loadModelFromZipBlob(zip);
  } finally {
    globals.JSZip = before;
  }
}

function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
