/** A worker's GPUs: which it has, and which of them its runners use. */
import { execFileSync } from 'node:child_process';

/** `'auto'`: all that the machine has; a number: the first so many; a list: these, as CUDA names them. */
export type GpuSetting = 'auto' | number | readonly string[];

const LIST_MS = 30_000;

/** The ids of the setting's GPUs; none without a setting. */
export function gpusOf(setting: GpuSetting | undefined): readonly string[] {
  if (setting === undefined) return [];
  if (typeof setting === 'number') return Array.from({ length: setting }, (_, i) => String(i));
  return setting === 'auto' ? (ofMachine ??= listed()) : setting;
}

let ofMachine: readonly string[] | null = null;

/** NVIDIA's tool is installed with the driver, so a machine without it has no GPU for CUDA. */
function listed(): string[] {
  try {
    const text = execFileSync('nvidia-smi', ['-L'], {
      encoding: 'utf8',
      timeout: LIST_MS,
      env: process.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return [...text.matchAll(/^GPU (\d+):/gm)].map(([, id]) => id!);
  } catch {
    return [];
  }
}

/** Why a worker cannot run a function that needs `wanted` GPUs, or null. */
export function gpuProblem(name: string, wanted: number, setting: GpuSetting | undefined): string | null {
  const { length } = gpusOf(setting);
  if (wanted <= length) return null;
  const needs = `The function "${name}" needs ${wanted} ${wanted > 1 ? 'GPUs' : 'GPU'}`;
  if (setting === undefined)
    return `${needs}, and this worker has none: set "gpus" of "worker" in its configuration, or start it with --gpus auto.`;
  if (length > 0) return `${needs}, and this worker has ${length}. Use a worker with more, or lower "gpus".`;
  return `${needs}, and nvidia-smi -L lists none on this machine. Use a worker with GPUs, or list their ids in its "gpus".`;
}

/** The GPUs of one worker. Shares of one GPU may be used by several runners. */
export class Gpus {
  /** What is free of each GPU, from 0 to 1. */
  readonly #free: Map<string, number>;

  constructor(ids: readonly string[]) {
    this.#free = new Map(ids.map((id) => [id, 1]));
  }

  get count(): number {
    return this.#free.size;
  }

  /** Takes up a changed configuration. What runners use of a GPU that stays remains in use. */
  set(ids: readonly string[]): void {
    for (const id of this.#free.keys()) if (!ids.includes(id)) this.#free.delete(id);
    for (const id of ids) if (!this.#free.has(id)) this.#free.set(id, 1);
  }

  /** Takes a share of one GPU, or some whole ones. Null: not now. */
  take(wanted: number): readonly string[] | null {
    const share = Math.min(wanted, 1);
    // Shares together on few GPUs leave whole ones for others. Sums of shares such as 0.1 are not exact.
    const fitting = [...this.#free]
      .filter(([, free]) => free + 1e-9 >= share)
      .sort(([, a], [, b]) => a - b)
      .slice(0, Math.ceil(wanted));
    if (fitting.length < Math.ceil(wanted)) return null;
    for (const [id, free] of fitting) this.#free.set(id, free - share);
    return fitting.map(([id]) => id);
  }

  give(ids: readonly string[], wanted: number): void {
    const share = Math.min(wanted, 1);
    for (const id of ids)
      if (this.#free.has(id)) this.#free.set(id, Math.min(1, this.#free.get(id)! + share));
  }
}
