/** The outcome of a debugging call, and how it differs from what the run recorded. */
import type { CallView, DebugReport, OutcomeComparison } from '../..';
import { showJson } from '../../core/json';
import { bytesText } from '../../display/measures';
import type { Paint } from '../../display/paint';
import { clean, cut, plural } from '../../display/text';
import { renderTried } from './try';
import { cellText } from './value';

const NAME_WIDTH = 10;
const MAX_CELL = 120;

export function renderDebug(report: DebugReport, width: number, paint: Paint): string {
  const { partition: id, rows, now, recorded, comparison } = report;
  const block = renderTried({ ...now, id, rows, durationMs: now.durationMs ?? 0 }, width, paint);
  if (recorded === null || comparison === null)
    return `${block}\n\n${paint.dim('The run has not recorded an outcome for this partition yet.')}`;
  const lines = [
    ['status', comparison.status, changed(now.status, recorded.status)],
    ['result', comparison.result.same, resultText(now, recorded, comparison)],
    ['error', comparison.error, changed(errorText(now), errorText(recorded))],
    ['artifacts', comparison.artifacts.every(({ verdict }) => verdict === 'same'), artifactsText(comparison)],
    ['logs', comparison.logs, changed(plural(now.logs.length, 'line'), plural(recorded.logs.length, 'line'))],
  ] as const;
  const head = comparison.same
    ? 'Same outcome as the run recorded:'
    : 'Different from what the run recorded:';
  return [
    block,
    '',
    head,
    ...lines
      .filter(([, same]) => same !== null)
      .map(
        ([name, same, text]) =>
          `${same ? paint.dim('=') : paint.yellow('≠')} ${paint.dim(name.padEnd(NAME_WIDTH))} ${text}`,
      ),
  ].join('\n');
}

function changed(now: string, recorded: string): string {
  return now === recorded ? now : `${now}, was ${recorded}`;
}

function errorText({ error }: CallView): string {
  return error === null ? 'none' : clean(`${error.type}: ${error.message}`);
}

function resultText(now: CallView, recorded: CallView, { result }: OutcomeComparison): string {
  const rows = changed(plural(now.resultRows, 'row'), plural(recorded.resultRows, 'row'));
  const cells = result.cells.map(({ row, column, now: value, recorded: before }) => {
    const place = now.resultRows === 1 ? '' : `row ${row + 1}: `;
    return `\n${' '.repeat(NAME_WIDTH + 3)}${place}${clean(column)} ${cellsText(value, before)}`;
  });
  return rows + cells.join('');
}

/** Formatted as in tables, or as JSON if the two values look the same there. */
function cellsText(now: unknown, recorded: unknown): string {
  const [one, other] = [cellText(now), cellText(recorded)];
  if (one !== other) return `${one}, was ${other}`;
  const [long, longOther] = [now, recorded].map((value) => clean(showJson(value)));
  return `${cut(long!, MAX_CELL)}, was ${cut(longOther!, MAX_CELL)}`;
}

function artifactsText({ artifacts }: OutcomeComparison): string {
  if (artifacts.length === 0) return 'none';
  return artifacts
    .map(({ name, verdict, now, recorded }) => {
      const size = bytesText(now ?? recorded ?? 0);
      const words = {
        same: size,
        different: `${size}, different content`,
        new: `${size}, new`,
        gone: 'not uploaded',
      };
      return `${clean(name)} (${words[verdict]})`;
    })
    .join(', ');
}
