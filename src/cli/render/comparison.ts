/** How two runs differ: a matrix of statuses, counts with their causes, and the partitions that differ. */
import { PARTITION_STATUSES } from '../../core/status';
import { partitionName } from '../../core/partition-name';
import { durationText } from '../../display/measures';
import type { Paint } from '../../display/paint';
import { clean, plural, wrapped } from '../../display/text';
import type { ComparedPartitionView, ComparedRun, RunComparison } from '../..';
import { renderTable } from './table';

const DIFFERENCE_WORDS = {
  gone: 'only in a',
  new: 'only in b',
  status: 'with another status',
  rows: 'with other source rows',
  returnedRows: 'with another number of returned rows',
} as const;

const CAUSE_WORDS = {
  rows: 'rows',
  code: 'code',
  params: 'params',
  runtime: 'Python or its packages',
} as const;

export function renderComparison(comparison: RunComparison, width: number, paint: Paint): string {
  const { order, examples, durationsChanged } = comparison;
  const total = comparison.columns.a.length;
  const differ = order.length;
  const parts = [
    `${runLine('a', comparison.a, paint)}\n${runLine('b', comparison.b, paint)}`,
    matrix(comparison, width, paint),
    wrapped(`${summaryOf(comparison, total)}${changesOf(comparison)}`, width, '', '  '),
    wrapped(durationsOf(comparison), width, '', '  '),
    ...(durationsChanged.length === 0 ? [] : [partitionTable(durationsChanged, width, paint)]),
    ...(differ === 0 ? [] : [paint.bold('Differences'), partitionTable(examples, width, paint)]),
  ];
  const more = differ - examples.length;
  if (more > 0) parts.push(paint.dim(`… and ${more.toLocaleString('en')} more: --all lists them`));
  return parts.join('\n\n').replace('Differences\n\n', 'Differences\n');
}

function runLine(name: 'a' | 'b', run: ComparedRun, paint: Paint): string {
  const execution = run.execution === 1 ? '' : `, execution ${run.execution}`;
  return `${name}  ${paint.bold(clean(run.runId))}  ${run.status}, ${plural(run.partitions, 'partition')}${execution}`;
}

/** Statuses in a by row, in b by column; only those that occur. */
function matrix({ transitions, inBoth }: RunComparison, width: number, paint: Paint): string {
  if (inBoth === 0) return 'The runs have no partition in common.';
  const statuses = [...PARTITION_STATUSES.keys()];
  const rows = statuses.filter((i) => transitions[i]!.some((count) => count > 0));
  const columns = statuses.filter((j) => transitions.some((row) => row[j]! > 0));
  return renderTable(
    [
      { name: 'in a, and in b:' },
      ...columns.map((j) => ({ name: PARTITION_STATUSES[j]!, align: 'right' as const })),
    ],
    rows.map((i) => [
      PARTITION_STATUSES[i]!,
      ...columns.map((j) => {
        const count = transitions[i]![j]!;
        const text = count === 0 ? '·' : count.toLocaleString('en');
        return i === j || count === 0 ? text : { text, colour: paint.bold };
      }),
    ]),
    width,
    paint,
  );
}

function summaryOf(comparison: RunComparison, total: number): string {
  const { differences, causes, order, rowsCompared } = comparison;
  if (order.length === 0) return `No differences in ${plural(total, 'partition')}.`;
  const kinds = entriesOf(DIFFERENCE_WORDS).flatMap(([kind, words]) =>
    differences[kind] === 0 ? [] : [`${differences[kind].toLocaleString('en')} ${words}`],
  );
  const reasons = entriesOf(CAUSE_WORDS).flatMap(([cause, words]) =>
    causes[cause] === 0 ? [] : [`${words} (${causes[cause].toLocaleString('en')})`],
  );
  const sentences = [
    `${order.length.toLocaleString('en')} of ${plural(total, 'partition')} ${order.length === 1 ? 'differs' : 'differ'}: ${kinds.join(', ')}.`,
    ...(reasons.length === 0 ? [] : [`What has changed for them: ${reasons.join(', ')}.`]),
    ...(causes.none === 0 ? [] : [unexplained(causes.none, rowsCompared)]),
  ];
  return sentences.join(' ');
}

/** A sentence about partitions that are alike although something has changed, after a space. */
function changesOf({ inBoth, causes, changed }: RunComparison): string {
  const more = entriesOf(CAUSE_WORDS).flatMap(([cause, words]) =>
    changed[cause] === causes[cause] ? [] : [`${words} (${changed[cause].toLocaleString('en')})`],
  );
  return more.length === 0
    ? ''
    : ` Changed among all ${plural(inBoth, 'partition')} in both: ${more.join(', ')}.`;
}

function unexplained(count: number, rowsCompared: boolean): string {
  const same = rowsCompared ? 'rows, code and params' : 'code, params and the number of rows';
  return `${count.toLocaleString('en')} ${count === 1 ? 'differs' : 'differ'} although ${same} are the same.`;
}

function durationsOf({ durationRatios }: RunComparison): string {
  if (durationRatios === null) return 'Durations: no partition ran and was DONE in both.';
  const { partitions, min, q25, median, q75, q95, max } = durationRatios;
  const quantiles = [
    ['min', min],
    ['25 %', q25],
    ['75 %', q75],
    ['95 %', q95],
    ['max', max],
  ] as const;
  return (
    `Durations in b are ${factor(median)} those in a (median of ${plural(partitions, 'partition')} DONE in both; ` +
    `${quantiles.map(([name, ratio]) => `${name} ${factor(ratio)}`).join(', ')}).`
  );
}

function factor(ratio: number): string {
  return `× ${ratio >= 100 ? Math.round(ratio).toLocaleString('en') : ratio.toPrecision(2)}`;
}

function partitionTable(views: readonly ComparedPartitionView[], width: number, paint: Paint): string {
  const changed = <T>(a: T | undefined, b: T | undefined): string => {
    const [before, after] = [a ?? '–', b ?? '–'].map((value) =>
      typeof value === 'number' ? value.toLocaleString('en') : String(value),
    );
    return before === after ? before! : `${before} → ${after}`;
  };
  const took = (ms: number | null | undefined): string | undefined =>
    ms == null ? undefined : durationText(ms);
  return renderTable(
    [
      { name: 'partition' },
      { name: 'status' },
      { name: 'took', align: 'right' },
      { name: 'rows', align: 'right' },
      { name: 'returned', align: 'right' },
      { name: 'changed' },
    ],
    views.map(({ id, a, b, causes }) => [
      clean(partitionName(id)),
      changed(a?.status, b?.status),
      changed(took(a?.durationMs), took(b?.durationMs)),
      changed(a?.rows, b?.rows),
      changed(a?.returnedRows, b?.returnedRows),
      causes.join(', '),
    ]),
    width,
    paint,
  );
}

function entriesOf<Name extends string, Value>(record: Record<Name, Value>): [Name, Value][] {
  return Object.entries(record) as [Name, Value][];
}
