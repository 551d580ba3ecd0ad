/** Explains why a runner died, for the partition that it was running. Pure. */
import { basename } from 'node:path';
import type { ErrorInfo } from '../core/outcome';
import { userPlace } from '../core/stack-place';
import { CLOSED_EXIT_CODE } from './channel';
import { MAX_OUTPUT_BYTES } from './output-files';
import { PROTOCOL_VERSION } from './protocol';

/** Parts of the explanations that depend on the language. */
export interface DeathWords {
  /** What the process writes to stderr if it runs out of memory itself, and what was full. */
  exhausted: { pattern: RegExp; filled: string };
  /** How to make a function use less memory. */
  useLess: string;
  /** The name of code that runs when the process exits. */
  exitHandler: string;
  /** What to do instead of exiting the process. */
  insteadOfExit: string;
  /** The stack in what the process wrote about where it was, or null. Absent: it writes nothing. */
  stackOf?: (where: string) => string | null;
}

export interface RunnerDeath {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last part of its stderr. */
  stderr: string;
  memoryBytes: number;
  /** Where it was in the function, or null if that is unknown. */
  stack: string | null;
  /** Whether the system killed any process for lack of memory while it ran, or null if that is unknown. */
  memoryRanOut: boolean | null;
}

export function explainDeath(
  { code, signal, stderr, memoryBytes, stack, memoryRanOut }: RunnerDeath,
  words: DeathWords,
): ErrorInfo {
  if (words.exhausted.pattern.test(stderr)) return outOfMemory(memoryBytes, null, words);
  if (signal === 'SIGKILL')
    return killed(`The runner process was killed by SIGKILL, ${killer(memoryRanOut)}.`);
  if (signal !== null) {
    const place = userPlace(stack);
    const at = place === null ? '' : ` (${basename(place.file)}:${place.line})`;
    return killed(
      `The runner process was killed by ${signal}${at}: native code called by the function crashed, or the function sent the signal itself.`,
    );
  }
  if (code === CLOSED_EXIT_CODE) {
    return killed(
      'The function closed the connection of its process to Partwise (file descriptor 3 or 5). Close only what the function has opened, not a range of descriptors.',
    );
  }
  return killed(`The function ended its process with exit code ${code}. ${words.insteadOfExit}.`);
}

function killer(memoryRanOut: boolean | null): string {
  if (memoryRanOut === null)
    return 'by the function, another process, or the system when it ran out of memory';
  return memoryRanOut
    ? 'most likely by the system, which ran out of memory and killed processes meanwhile'
    : 'by the function or another process: the system did not run out of memory';
}

/** For example, because the interpreter was removed after the run was planned. */
export function notStarted({ message }: Error): ErrorInfo {
  return killed(`The runner process could not be started: ${message}.`);
}

/** `rss` are the resident bytes that exceeded the limit, or null if the process itself ran out of memory. */
export function outOfMemory(memoryBytes: number, rss: number | null, words: DeathWords): ErrorInfo {
  const grew = rss === null ? `filled ${words.exhausted.filled}` : `grew to ${megabytes(rss)} of memory`;
  return {
    type: 'OutOfMemory',
    message: `The runner process ${grew}; the limit is ${megabytes(memoryBytes)}. ${words.useLess}, or raise "memory".`,
    stack: null,
  };
}

export function tooMuchOutput(): ErrorInfo {
  return {
    type: 'TooMuchOutput',
    message: `The function and its child processes printed more than ${megabytes(MAX_OUTPUT_BYTES)} in one call. Print less, or upload what it prints as an artifact.`,
    stack: null,
  };
}

/** `why` completes "a message that …". */
export function unexpectedMessage(why: string): ErrorInfo {
  return killed(
    `The runner process sent a message that ${why}, so it was killed. Do not write to file descriptor 3 of the process: it is reserved for Partwise.`,
  );
}

export function otherProtocol(version: number): ErrorInfo {
  return killed(
    `The runner process speaks protocol version ${version}, but its worker speaks version ${PROTOCOL_VERSION}. Install the same version of Partwise for both.`,
  );
}

export function stalled(ms: number): ErrorInfo {
  return killed(
    `The runner process called no function for ${ms / 1000} s and did not respond: something that a function left running is blocking it. Await everything that a function starts.`,
  );
}

export function exitStuck(ms: number, words: DeathWords): ErrorInfo {
  return killed(
    `The function ended its process, but ${words.exitHandler} was still running after ${ms / 1000} s. ${words.insteadOfExit}.`,
  );
}

export function brokenRunner({ type, message }: ErrorInfo): ErrorInfo {
  return killed(
    `After this call, the runner process could not go on (${type}: ${message}). The function may have changed a global that Partwise needs, such as Date, Promise or a prototype: leave them as they are.`,
  );
}

export function neverBegan(): ErrorInfo {
  return killed(
    'Something that the functions file starts while it loads threw an error that was not caught, so no partition could be run. The log has the error.',
  );
}

export function timedOut(timeoutMs: number): ErrorInfo {
  return {
    type: 'Timeout',
    message: `The function was still running after ${timeoutMs / 1000} s, its timeout. Make it faster, or raise "timeout".`,
    stack: null,
  };
}

export function endedByCancel(): ErrorInfo {
  return { type: 'Cancelled', message: 'The run was cancelled while the function was running.', stack: null };
}

function killed(message: string): ErrorInfo {
  return { type: 'RunnerKilled', message, stack: null };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000).toLocaleString('en')} MB`;
}
