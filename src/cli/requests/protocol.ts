/**
 * The lines that `partwise host` reads and writes, one JSON document each: see docs/host-protocol.md.
 */
import { isObject, showJson } from '../../core/json';

/** Increased when a client of an earlier one would misread an answer. */
export const PROTOCOL = 1;

export interface Request {
  id: number;
  operation: string;
  params: Record<string, unknown>;
}

export type Incoming = Request | { cancel: number };

export type Answer =
  | { ready: true; version: string; protocol: number }
  | { id: number; event: unknown }
  | { id: number; result: unknown }
  | { id: number | null; error: AnsweredError };

/** An error by the name of its class, with its own fields, such as `problems`. */
interface AnsweredError {
  type: string;
  message: string;
  problems?: readonly string[];
  /** Of `StartRefused`: `InvalidInput`, `RunExists`, … */
  reason?: string;
}

/** The line is not a request. The message says what one is. */
export class BadRequest extends Error {
  override name = 'BadRequest';
}

/** Throws a `BadRequest`. */
export function parseIncoming(line: string): Incoming {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new BadRequest(`The line is not JSON: ${shown(line)}. ${EXAMPLE}`);
  }
  if (isObject(parsed)) {
    const { id, operation, params = {}, cancel } = parsed;
    if (Number.isSafeInteger(cancel)) return { cancel: cancel as number };
    if (Number.isSafeInteger(id) && typeof operation === 'string' && isObject(params))
      return { id: id as number, operation, params };
  }
  throw new BadRequest(`The line is not a request: ${shown(line)}. ${EXAMPLE}`);
}

const EXAMPLE = 'Write one such as {"id": 1, "operation": "status", "params": {"run": "regional-2024"}}.';

export function answerLine(answer: Answer): string {
  return `${showJson(answer)}\n`;
}

export function answeredError(error: unknown): AnsweredError {
  if (!(error instanceof Error)) return { type: 'Error', message: String(error) };
  const { problems, type: reason } = error as { problems?: readonly string[]; type?: unknown };
  return {
    type: error.name,
    message: error.message || error.name,
    ...(problems && { problems }),
    ...(problems && typeof reason === 'string' && { reason }),
  };
}

function shown(line: string): string {
  return line.length <= 200 ? line : `${line.slice(0, 200)}…`;
}
