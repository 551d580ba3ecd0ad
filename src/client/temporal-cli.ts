/** Runs Temporal's own CLI on the project's server. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { ProjectConfig } from '../config';
import { connectTemporal, findTemporalBinary, resolveTemporal } from '../temporal';
import type { OnTemporalEvent } from '../temporal/events';

export interface TemporalCliOptions {
  /** Folder that file names in arguments are relative to. */
  cwd: string;
  onEvent?: OnTemporalEvent;
}

/**
 * Runs it in this terminal and returns its exit code. The embedded server is started if the project uses it
 * and it is not running.
 */
export async function runTemporalCli(
  { projectDir, temporal }: ProjectConfig,
  args: readonly string[],
  { cwd, onEvent }: TemporalCliOptions,
): Promise<number> {
  const { env } = process;
  const binary = await findTemporalBinary({ projectDir, configured: temporal.binary, env, onEvent });
  const resolved = resolveTemporal(temporal, env);
  const session =
    resolved.kind === 'named'
      ? null
      : await connectTemporal({ projectDir, settings: temporal, env, needWorker: false, onEvent });
  try {
    const { address, namespace } = session ?? (resolved as Extract<typeof resolved, { kind: 'named' }>);
    const place = {
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      ...(temporal.profile !== undefined && { TEMPORAL_PROFILE: temporal.profile }),
    };
    const child = spawn(binary.path, args, { cwd, stdio: 'inherit', env: { ...env, ...place } });
    // Ctrl-C in the terminal reaches both; the CLI decides when it ends.
    const ignore = (): void => {};
    process.on('SIGINT', ignore);
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    process.off('SIGINT', ignore);
    return code ?? 128 + constants.signals[signal!];
  } finally {
    await session?.close();
  }
}
