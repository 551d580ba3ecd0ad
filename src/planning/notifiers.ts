/**
 * Notifies people or programs that a run has ended: calls a webhook or a command with the summary as JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Notifier, ProjectConfig } from '../config';
import type { ErrorInfo } from '../core/outcome';
import type { RunSummary } from '../core/tasks';
import { didYouMean } from '../core/nearest';
import type { RunStatus } from '../core/status';

/** The notification. */
export interface EndNotice {
  version: 1;
  runId: string;
  workflowRunId: string;
  status: RunStatus;
  /** Null for a run that was refused or not planned. */
  summary: RunSummary | null;
  error: Pick<ErrorInfo, 'type' | 'message'> | null;
}

const WEBHOOK_TIMEOUT_MS = 10_000;
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * The notifier that an input refers to: one in the configuration, by name, or, if the input is the worker
 * owner's (`trusted`, on the embedded server), a URL or a command. Returns a string with the problem if there
 * is none.
 */
export function findNotifier(
  wanted: string,
  { notify: known }: Pick<ProjectConfig, 'notify'>,
  { trusted }: { trusted: boolean },
): Notifier | string {
  if (Object.hasOwn(known, wanted)) return known[wanted]!;
  if (trusted && /^https?:\/\//i.test(wanted)) return { url: wanted };
  const names = Object.keys(known);
  const looksLikeName = /^[\w.-]+$/.test(wanted) && names.length > 0;
  if (trusted && !looksLikeName) return { command: wanted };
  const list = names.length === 0 ? 'It has none.' : `It has: ${names.join(', ')}.`;
  return (
    `"notify" is "${wanted}", but this worker's configuration has no such notifier.${didYouMean(wanted, names)} ${list} ` +
    'Add it there under "notify", with a url or a command.'
  );
}

/** Throws if the notification failed. Messages never contain a URL, which may contain a secret (I11). */
export async function notify(notifier: Notifier, notice: EndNotice): Promise<void> {
  const body = JSON.stringify(notice);
  if ('url' in notifier) await post(notifier, body);
  else await runCommand(notifier.command, body, notice);
}

async function post({ url, headers }: Extract<Notifier, { url: string }>, body: string): Promise<void> {
  let status: number;
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
    });
    await answer.body?.cancel();
    ({ status } = answer);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = (cause as NodeJS.ErrnoException).code ?? (cause as Error).name;
    throw new Error(`The webhook could not be reached (${code}).`);
  }
  if (status < 200 || status > 299) throw new Error(`The webhook responded with status ${status}.`);
}

/**
 * Runs the command in a shell, in its own process group, with the notification on standard input. It has
 * ended when the shell has; processes left in the background are not awaited.
 */
async function runCommand(command: string, body: string, { runId, status }: EndNotice): Promise<void> {
  const child = spawn(command, {
    shell: true,
    detached: true,
    // I11: a command's output may contain a URL with a secret, and error messages are stored in history.
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...process.env, PARTWISE_RUN_ID: runId, PARTWISE_STATUS: status },
  });
  // A command that does not read its input has not failed.
  child.stdin.on('error', () => {});
  child.stdin.end(body);
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), COMMAND_TIMEOUT_MS);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (code === 0) return;
    const how = code === null ? `was killed by ${signal}` : `exited with ${code}`;
    throw new Error(`The command ${how}. Its output is not kept: redirect it to a file in the command.`);
  } finally {
    clearTimeout(timer);
    child.stdin.destroy();
  }
}
