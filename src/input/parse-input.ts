/**
 * Parses the raw input of a run (any JSON) and fills in defaults, or reports every problem together (I9).
 * Used by the library, the CLI and the worker's `openRun`.
 */
import { UNDECODABLE } from '../core/provenance';
import { withFunctionsFile } from '../core/function-reference';
import { jsonProblems } from '../core/json-value';
import type { NormalizedInput } from '../core/normalized-input';
import { quote } from '../core/quote';
import { acrossFields, type LooseInput } from './across-fields';
import { explainIssues } from './explain-issues';
import { inputSchema } from './input-schema';
import { normalize } from './normalize-input';

export type InputReport = { ok: true; input: NormalizedInput } | { ok: false; problems: string[] };

/**
 * Temporal warns at 256 KiB per payload (I7), and the argument of planning contains the input and parts of it
 * again.
 */
const MAX_INPUT_BYTES = 100 * 1024;

// enforces I9
export function parseRunInput(given: unknown): InputReport {
  const raw = withFunctionsFile(given);
  const notObject = notAnObject(raw);
  if (notObject !== null) return { ok: false, problems: [notObject] };
  const result = inputSchema.safeParse(raw);
  const problems = result.success ? [] : explainIssues(result.error.issues, raw, 'The input');
  const { params } = raw as LooseInput;
  // The schema checks the values of all other fields.
  const lost = params == null ? [] : jsonProblems(params, 'params');
  problems.push(...acrossFields(raw as LooseInput), ...(lost.length > 0 ? lost : tooLarge(raw)));
  if (!result.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, input: normalize(result.data) };
}

function notAnObject(raw: unknown): string | null {
  const example = '{"function": "salesByRegion", "source": {"table": "sales"}, "partitionBy": ["region"]}';
  if (raw === undefined || raw === null) return `There is no input. Pass one JSON object such as ${example}.`;
  if (typeof raw === 'string' && /^\s*\{/.test(raw)) {
    return `The input is a string containing JSON, ${quote(raw)}; pass the object itself (was it encoded twice?).`;
  }
  // The reason is longer than what is quoted of a value.
  if (typeof raw === 'string' && raw.startsWith(UNDECODABLE))
    return `The input cannot be decoded: ${raw.slice(UNDECODABLE.length, -1)}`;
  if (typeof raw !== 'object' || Array.isArray(raw)) {
    return `The input is ${quote(raw)}; it takes one JSON object such as ${example}.`;
  }
  return null;
}

// enforces I7
function tooLarge(raw: unknown): string[] {
  try {
    const bytes = Buffer.byteLength(JSON.stringify(raw));
    if (bytes <= MAX_INPUT_BYTES) return [];
    return [
      `The input is ${Math.ceil(bytes / 1024)} KiB long, but at most ${MAX_INPUT_BYTES / 1024} KiB can be passed through Temporal. ` +
        'Put large parameters into a table or file that the function reads.',
    ];
  } catch (error) {
    // A field is circular, or contains something that is not a value; the schema reports which one.
    return [
      `The input cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}.`,
    ];
  }
}
