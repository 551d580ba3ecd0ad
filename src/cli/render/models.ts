/** Models, versions, entries and comparisons as tables. */
import type { Comparison, ModelEntry, ModelListing, VersionView } from '../..';
import { partitionName } from '../../core/partition-name';
import type { Paint } from '../../display/paint';
import { renderTable } from './table';
import { clean, plural } from '../../display/text';
import { timeText } from '../../display/measures';

export function renderModels(models: readonly ModelListing[], width: number, paint: Paint): string {
  if (models.length === 0) return paint.dim('no models');
  return renderTable(
    [{ name: 'model' }, { name: 'for each' }, { name: 'versions', align: 'right' }, { name: 'aliases' }],
    models.map(({ name, keyColumns, versions, aliases }) => [
      name,
      clean(keyColumns.join(', ')),
      String(versions),
      Object.entries(aliases)
        .map(([alias, version]) => `${alias} ${version}`)
        .join(', '),
    ]),
    width,
    paint,
  );
}

export function renderVersions(versions: readonly VersionView[], width: number, paint: Paint): string {
  return renderTable(
    [
      { name: 'version', align: 'right' },
      { name: 'aliases' },
      { name: 'models', align: 'right' },
      { name: 'new', align: 'right' },
      { name: 'base', align: 'right' },
      { name: 'run', whole: true },
      { name: 'created (UTC)' },
      { name: 'tags' },
      { name: 'description' },
    ],
    versions.map(({ version, aliases, entries, changed, base, run, createdAt, tags, description }) => [
      String(version),
      aliases.join(', '),
      entries.toLocaleString('en'),
      changed.toLocaleString('en'),
      base === null ? '' : String(base),
      clean(run ?? ''),
      timeText(createdAt, 'UTC'),
      clean(
        Object.entries(tags)
          .map(([name, value]) => `${name}=${value}`)
          .join(' '),
      ),
      clean(description),
    ]),
    width,
    paint,
  );
}

/** `total` is the number of entries in the version. */
export function renderEntries(
  entries: readonly ModelEntry[],
  most: number,
  total: number,
  width: number,
  paint: Paint,
): string {
  const shown = entries.slice(0, most);
  const metrics = [...new Set(shown.flatMap((entry) => Object.keys(entry.metrics)))];
  const table = renderTable(
    [
      { name: 'partition' },
      { name: 'rows', align: 'right' },
      ...metrics.map((name) => ({ name: clean(name), align: 'right' as const })),
      { name: 'bytes', align: 'right' },
      { name: 'sha256' },
      { name: 'run', whole: true },
    ],
    shown.map((entry) => [
      clean(partitionName(entry.partition)),
      entry.rows.toLocaleString('en'),
      ...metrics.map((name) => metricText(Object.hasOwn(entry.metrics, name) ? entry.metrics[name]! : null)),
      entry.bytes.toLocaleString('en'),
      entry.sha256.slice(0, 12),
      clean(entry.run),
    ]),
    width,
    paint,
  );
  return entries.length <= most
    ? table
    : `${table}\n${paint.dim(`… and ${plural(total - most, 'more model')}`)}`;
}

export function renderComparison(
  { metric, partitions, better, otherRows }: Comparison,
  names: { a: string; b: string },
  width: number,
  paint: Paint,
): string {
  const table = renderTable(
    [
      { name: 'partition' },
      { name: `${clean(metric)} ${clean(names.a)}`, align: 'right' },
      { name: `${clean(metric)} ${clean(names.b)}`, align: 'right' },
      { name: 'better' },
    ],
    partitions.map(({ partition, a, b, better: which, same, otherRows: other }) => [
      clean(partitionName(partition)),
      metricText(a),
      metricText(b),
      which !== null ? clean(names[which]) : same ? 'same model' : other ? 'other rows' : '',
    ]),
    width,
    paint,
  );
  const verdict = `${clean(names.a)} is better for ${better.a}, ${clean(names.b)} for ${better.b} of ${plural(partitions.length, 'partition')}`;
  return [table, paint.dim(verdict), ...otherRowsNote(otherRows).map(paint.dim)].join('\n');
}

/** A note about partitions whose metrics cannot be compared; empty if there are none. */
export function otherRowsNote(partitions: number): string[] {
  if (partitions === 0) return [];
  return [
    `${plural(partitions, 'partition')} measured on a different --holdout, so their metrics cannot be compared: train both versions with the same --holdout`,
  ];
}

function metricText(value: number | null): string {
  return value === null ? '' : value.toLocaleString('en', { maximumSignificantDigits: 4 });
}
