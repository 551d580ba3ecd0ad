/**
 * The proof that the project's owner started a run: a workflow header with an authentication code over the
 * workflow id and the input, so that a header copied from history is not valid for another id or another
 * input.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from './canonical-json';
import type { ProjectSecret } from './secret';

export const PROOF_HEADER = 'partwise-proof';

/** The workflow id of a scheduled run: the action's id and the scheduled time, to the second. */
const SCHEDULED_ID = /^(.+)-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/s;

type StartKind = 'run' | 'schedule';

/** Throws if JSON cannot represent the input. `id` is the run's or the schedule's. */
export function startProof(secret: ProjectSecret, kind: StartKind, id: string, input: unknown): string {
  return createHmac('sha256', secret.key)
    .update(JSON.stringify(['partwise start', 1, kind, id, canonicalJson(input ?? null)]))
    .digest('base64url');
}

export function isProven(secret: ProjectSecret, id: string, input: unknown, proof: unknown): boolean {
  if (typeof proof !== 'string') return false;
  // enforces I13: a separate kind. Otherwise the header of the run "x" could start "x-2026-01-01T00:00:00Z".
  const scheduled = SCHEDULED_ID.exec(id)?.[1];
  try {
    return (
      isSame(proof, startProof(secret, 'run', id, input)) ||
      (scheduled !== undefined && isSame(proof, startProof(secret, 'schedule', scheduled, input)))
    );
  } catch {
    // Nested too deeply for JSON, so there cannot be a proof.
    return false;
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  // enforces I13
  return a.length === b.length && timingSafeEqual(a, b);
}
