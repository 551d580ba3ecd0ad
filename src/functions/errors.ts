/** What a partition function threw, as it is recorded. */
import { join, sep } from 'node:path';
import type { ErrorInfo } from '../run/outcome';
import { describe } from './describe';

const TYPE_BYTES = 200;
const MESSAGE_BYTES = 1024;
const STACK_BYTES = 4096;
/** Causes are followed this far. */
const CAUSES = 5;

/** A thrown value, ready to be recorded, and whether calling the function again may help. */
export interface Thrown {
  error: ErrorInfo;
  retryable: boolean;
  /** The wait that the error asks for (`nextRetryDelay`), in milliseconds. */
  retryDelayMs: number | null;
}

/** Thrown by `context.expect`. */
export class ExpectationFailed extends Error {
  override name = 'ExpectationFailed';
  readonly nonRetryable = true;
}

/** What the function returned, uploaded or asked for cannot be done, however often it is tried. */
export class InvalidResult extends Error {
  override name = 'InvalidResult';
  readonly nonRetryable = true;
}

export class InvalidArtifact extends Error {
  override name = 'InvalidArtifact';
  readonly nonRetryable = true;
}

export class InvalidProgress extends Error {
  override name = 'InvalidProgress';
  readonly nonRetryable = true;
}

export function describeThrown(thrown: unknown, nonRetryableErrorTypes: readonly string[] = []): Thrown {
  if (!(thrown instanceof Error) && !isErrorLike(thrown)) {
    const text = typeof thrown === 'string' ? `the text "${thrown}"` : describe(thrown);
    const message = cut(`The function threw ${text}, which has no stack. Throw an Error.`, MESSAGE_BYTES);
    return { error: { type: 'NonError', message, stack: null }, retryable: true, retryDelayMs: null };
  }
  const type = typeOf(thrown);
  const stack = cleanStack(thrown.stack);
  return {
    error: {
      type,
      message: cut(withCauses(thrown), MESSAGE_BYTES),
      stack: stack === null ? null : cut(stack, STACK_BYTES),
    },
    retryable: isRetryable(thrown, type) && !nonRetryableErrorTypes.includes(type),
    retryDelayMs: delayOf(thrown),
  };
}

/** Errors of other realms (`vm`, jest) are no instances of this one's `Error`. */
function isErrorLike(value: unknown): value is Error {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Error).message === 'string' &&
    'stack' in value
  );
}

function typeOf(error: Error): string {
  return cut(nameOf(error), TYPE_BYTES);
}

function nameOf(error: Error): string {
  const named = typeof error.name === 'string' && error.name !== '' ? error.name : 'Error';
  const constructed = error.constructor?.name;
  // A subclass that forgot to set `name` is still known by its class.
  return named === 'Error' && constructed !== undefined && constructed !== '' ? constructed : named;
}

/** Programming errors are never tried again. */
function isRetryable(error: Error, type: string): boolean {
  if ((error as { nonRetryable?: unknown }).nonRetryable === true) return false;
  if (type === 'ReferenceError' || type === 'SyntaxError') return false;
  if (type === 'TypeError') return error.message === 'fetch failed' || hasSystemCode(error.cause);
  return true;
}

/** `ECONNRESET`, `ENOTFOUND`, `UND_ERR_SOCKET`: the world's fault; Node's own `ERR_…` codes are the program's. */
function hasSystemCode(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : undefined;
  return typeof code === 'string' && /^(E[A-Z0-9]+|UND_ERR_.+)$/.test(code) && !code.startsWith('ERR_');
}

function delayOf(error: Error): number | null {
  const delay = (error as { nextRetryDelay?: unknown }).nextRetryDelay;
  return typeof delay === 'number' && Number.isFinite(delay) && delay >= 0 ? delay : null;
}

function withCauses(error: Error): string {
  let text = error.message === '' ? `${typeOf(error)} without a message` : error.message;
  let cause: unknown = error.cause;
  for (let depth = 0; depth < CAUSES && cause instanceof Error; depth++) {
    if (!text.includes(cause.message) || cause.message === '')
      text += ` (caused by ${typeOf(cause)}: ${cause.message})`;
    cause = cause.cause;
  }
  if (error instanceof AggregateError && error.errors.length > 0) {
    const shown = error.errors
      .slice(0, 3)
      .map((each) => (each instanceof Error ? each.message : String(each)));
    text += ` (${error.errors.length} errors: ${shown.join('; ')}${error.errors.length > 3 ? '; …' : ''})`;
  }
  return text;
}

/** This package's own files, compiled and as source maps name them. */
const OWN_FOLDERS = ['dist', 'src'].map((folder) => join(__dirname, '..', '..', folder) + sep);

/** Only the frames of the user and of libraries: Node's own and Partwise's tell nobody anything. */
function cleanStack(stack: string | undefined): string | null {
  if (typeof stack !== 'string') return null;
  const lines = stack.split('\n');
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line));
  if (firstFrame === -1) return null;
  const frames = lines
    .slice(firstFrame)
    .filter((line) => /^\s+at /.test(line))
    .filter((line) => !/\(?node:|\(?native\)?$|<anonymous>\)?$|process\.processTicksAndRejections/.test(line))
    .filter(
      (line) =>
        !OWN_FOLDERS.some((folder) => line.includes(folder)) && !/node_modules[/\\]partwise[/\\]/.test(line),
    )
    .map((line) => line.replace('file://', ''));
  return frames.length === 0 ? null : [...lines.slice(0, firstFrame), ...frames].join('\n');
}

/** Cut at whole characters. */
function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text);
  if (buffer.length <= bytes) return text;
  return `${buffer
    .subarray(0, bytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
