/** Converts what a partition function threw to the error that is recorded. */
import { join, sep } from 'node:path';
import type { ErrorInfo } from '../core/outcome';
import { isObject } from '../core/json';
import { describe, quote } from '../core/quote';

const TYPE_BYTES = 200;
const MESSAGE_BYTES = 1024;
/** Of a thrown string, so that the sentence around it fits too. */
const NON_ERROR_BYTES = 800;
const STACK_BYTES = 4096;
/** Longer strings are cut to this length before they are processed. */
const MAX_TEXT = 100_000;
/** Number of nested causes that are followed. */
const MAX_CAUSES = 5;

/** A thrown value, ready to be recorded, and whether a retry may help. */
export interface Thrown {
  error: ErrorInfo;
  retryable: boolean;
  /** The delay that the error asks for (`nextRetryDelay`), in milliseconds. */
  retryDelayMs: number | null;
}

/** The worker does not have the function. Another one may, so the partition is not charged an attempt. */
export class FunctionMissing extends Error {
  override name = 'FunctionMissing';
}

/** Thrown by `context.expect`. */
export class ExpectationFailed extends Error {
  override name = 'ExpectationFailed';
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

/**
 * Never throws, whatever was thrown: reading a value may run the user's code (a getter, a Proxy,
 * `Error.prepareStackTrace`), and one partition's error must not affect other partitions (I5). Parts that
 * cannot be read are left out.
 */
export function describeThrown(thrown: unknown, nonRetryableErrorTypes: readonly string[] = []): Thrown {
  if (!isError(thrown) && !isErrorLike(thrown)) {
    const why = 'It has no stack, so it is not known where. Throw an Error, and reject with one.';
    const message = cut(`The function threw ${nonErrorText(thrown)}. ${why}`, MESSAGE_BYTES);
    return { error: { type: 'NonError', message, stack: null }, retryable: true, retryDelayMs: null };
  }
  const type = typeOf(thrown);
  const stack = cleanStack(peek(thrown, 'stack'));
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

/** `a string: no rate`, `{"code":7}`, `a Map` */
function nonErrorText(thrown: unknown): string {
  // Without quotation marks, within which messages of different partitions may differ and are still alike.
  if (typeof thrown === 'string') return `a string: ${cut(shorten(thrown), NON_ERROR_BYTES)}`;
  if (thrown === undefined) return 'undefined (or a promise was rejected without a reason)';
  const isValue =
    ['number', 'bigint', 'boolean'].includes(typeof thrown) || attempt(() => Array.isArray(thrown), false);
  return isValue || attempt(() => isObject(thrown), false) ? quote(thrown) : describe(thrown);
}

function attempt<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** A property of any value, or undefined if it cannot be read. */
function peek(value: unknown, name: string): unknown {
  // enforces I5
  return attempt(() => (value as Record<string, unknown> | null | undefined)?.[name], undefined);
}

function isError(value: unknown): value is Error {
  return attempt(() => value instanceof Error, false);
}

/** Errors of other realms (`vm`, jest) are not instances of this realm's `Error`. */
function isErrorLike(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false;
  return typeof peek(value, 'message') === 'string' && attempt(() => 'stack' in value, false);
}

function typeOf(error: Error): string {
  const name = peek(error, 'name');
  const constructed = peek(peek(error, 'constructor'), 'name');
  const named = typeof name === 'string' && name !== '' ? name : 'Error';
  // A subclass that does not set `name` is still identified by its class.
  const isForgotten = named === 'Error' && typeof constructed === 'string' && constructed !== '';
  return cut(isForgotten ? constructed : named, TYPE_BYTES);
}

/** Programming errors are never retried. */
function isRetryable(error: Error, type: string): boolean {
  if (peek(error, 'nonRetryable') === true) return false;
  if (type === 'ReferenceError' || type === 'SyntaxError') return false;
  if (type === 'TypeError')
    return peek(error, 'message') === 'fetch failed' || hasSystemCode(peek(error, 'cause'));
  return true;
}

/**
 * `ECONNRESET`, `ENOTFOUND`, `UND_ERR_SOCKET` come from the environment; Node's `ERR_…` codes come from the
 * program.
 */
function hasSystemCode(cause: unknown): boolean {
  const code = typeof cause === 'object' && cause !== null ? peek(cause, 'code') : undefined;
  return typeof code === 'string' && /^(E[A-Z0-9]+|UND_ERR_.+)$/.test(code) && !code.startsWith('ERR_');
}

function delayOf(error: Error): number | null {
  const delay = peek(error, 'nextRetryDelay');
  return typeof delay === 'number' && Number.isFinite(delay) && delay >= 0 ? delay : null;
}

function messageOf(error: unknown): string {
  const message = peek(error, 'message');
  return typeof message === 'string' ? shorten(message) : '';
}

function withCauses(error: Error): string {
  const message = messageOf(error);
  let text = message === '' ? `${typeOf(error)} without a message` : message;
  let cause = peek(error, 'cause');
  for (let depth = 0; depth < MAX_CAUSES && isError(cause); depth++) {
    const caused = messageOf(cause);
    if (!text.includes(caused) || caused === '') text += ` (caused by ${typeOf(cause)}: ${caused})`;
    cause = peek(cause, 'cause');
  }
  return text + attempt(() => (error instanceof AggregateError ? gathered(error.errors) : ''), '');
}

function gathered(errors: unknown): string {
  if (!Array.isArray(errors) || errors.length === 0) return '';
  const shown = errors
    .slice(0, 3)
    .map((each: unknown) =>
      isError(each) ? messageOf(each) : attempt(() => shorten(String(each)), describe(each)),
    );
  return ` (${errors.length} errors: ${shown.join('; ')}${errors.length > 3 ? '; …' : ''})`;
}

/** Folders of this package's own files: compiled, and as named by source maps. */
const OWN_FOLDERS = ['dist', 'src'].map((folder) => join(__dirname, '..', '..', folder) + sep);

/** Keeps only frames of the user and of libraries: those of Node and Partwise do not help. */
function cleanStack(stack: unknown): string | null {
  if (typeof stack !== 'string') return null;
  const lines = shorten(stack).split('\n');
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

/** Cuts a string to a length that is cheap to process. */
function shorten(text: string): string {
  return text.slice(0, MAX_TEXT);
}

/** Cut at whole characters. */
function cut(text: string, bytes: number): string {
  const buffer = Buffer.from(text.slice(0, bytes + 1));
  if (buffer.length <= bytes) return text.toWellFormed();
  return `${buffer
    .subarray(0, bytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')}…`;
}
