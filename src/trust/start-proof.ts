/**
 * The proof that the project's owner started a run: a workflow header with a code over the workflow id and
 * the input, so that a header copied from history is worth nothing for another id or another input.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from './canonical-json';
import type { ProjectSecret } from './secret';

export const PROOF_HEADER = 'partwise-proof';

/** Temporal names the runs of a schedule by its id and the time that they are for, to the second. */
const SCHEDULED_ID = /^(.+)-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/s;

type StartKind = 'run' | 'schedule';

/** Throws for what JSON cannot hold. `id`: the run's, or the schedule's. */
export function startProof(secret: ProjectSecret, kind: StartKind, id: string, input: unknown): string {
  return createHmac('sha256', secret.key)
    .update(JSON.stringify(['partwise start', 1, kind, id, canonicalJson(input ?? null)]))
    .digest('base64url');
}

export function isProven(secret: ProjectSecret, id: string, input: unknown, proof: unknown): boolean {
  if (typeof proof !== 'string') return false;
  // enforces I13: a kind of its own. Otherwise the header of the run "x" would start
  // "x-2026-01-01T00:00:00Z".
  const scheduled = SCHEDULED_ID.exec(id)?.[1];
  try {
    return (
      isSame(proof, startProof(secret, 'run', id, input)) ||
      (scheduled !== undefined && isSame(proof, startProof(secret, 'schedule', scheduled, input)))
    );
  } catch {
    // Nested deeper than JSON goes: nobody has proven it.
    return false;
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  // enforces I13
  return a.length === b.length && timingSafeEqual(a, b);
}
