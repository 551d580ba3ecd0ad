/** Compares a call of a function with what a run recorded for the same partition. Pure. */
import { showJson } from '../../core/json';
import type { CallView, CellDifference, OutcomeComparison } from './types';
import type { ArtifactView } from '../../reader/partition-types';
import type { Row } from '../../core/row';

const MAX_CELLS = 20;

/** A call with all rows that it returned. */
export type WholeCall = Omit<CallView, 'result' | 'resultRows'> & { rows: Row[] };

export function compareOutcomes(now: WholeCall, recorded: WholeCall): OutcomeComparison {
  const status = now.status === recorded.status;
  const error = now.error?.type === recorded.error?.type && now.error?.message === recorded.error?.message;
  const cells = differingCells(now.rows, recorded.rows);
  const result = { same: cells.length === 0 && now.rows.length === recorded.rows.length, cells };
  const artifacts = compareArtifacts(now.artifacts, recorded.artifacts);
  const text = ({ logs }: WholeCall): string => logs.map((line) => line.text).join('\n');
  const same = status && error && result.same && artifacts.every(({ verdict }) => verdict === 'same');
  return { same, status, error, result, artifacts, logs: text(now) === text(recorded) };
}

function differingCells(now: readonly Row[], recorded: readonly Row[]): CellDifference[] {
  const cells: CellDifference[] = [];
  for (let row = 0; row < Math.min(now.length, recorded.length); row++) {
    const [a, b] = [now[row]!, recorded[row]!];
    for (const column of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [one, other] = [a[column] ?? null, b[column] ?? null];
      if (showJson(one) === showJson(other)) continue;
      cells.push({ row, column, now: one, recorded: other });
      if (cells.length === MAX_CELLS) return cells;
    }
  }
  return cells;
}

function compareArtifacts(
  now: readonly ArtifactView[],
  recorded: readonly ArtifactView[],
): OutcomeComparison['artifacts'] {
  const names = new Set([...recorded, ...now].map(({ name }) => name));
  return [...names].map((name) => {
    const [one, other] = [now, recorded].map((all) => all.find((each) => each.name === name));
    const verdict =
      one === undefined
        ? 'gone'
        : other === undefined
          ? 'new'
          : one.sha256 === other.sha256
            ? 'same'
            : 'different';
    return { name, verdict, now: one?.bytes ?? null, recorded: other?.bytes ?? null };
  });
}
