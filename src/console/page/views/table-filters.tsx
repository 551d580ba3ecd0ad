/** What the table is filtered by, and how many partitions each status would leave. */
import type { ReadonlySignal } from '@preact/signals';
import { PARTITION_STATUSES, type PartitionStatus } from '../../../core/status';
import { durationText } from '../../../display/measures';
import type { PartitionFilter, RunNow, TableAnswer, UnitsAnswer, ValueRange } from '../../wire/types';
import { setQuery } from '../address';
import { clearFilter, filter, isFiltered, rangeText, setStatuses } from '../filter';
import { Menu } from '../parts/menu';
import { file } from '../session';
import { GLYPHS, number, shown } from '../words';

interface FiltersProps {
  now: RunNow;
  units: ReadonlySignal<UnitsAnswer | null>;
  answer: TableAnswer | null;
}

export function TableFilters({ now, units, answer }: FiltersProps) {
  const { status: _, ...others } = filter.value;
  const isByOthers = Object.keys(others).length > 0;
  return (
    <>
      {PARTITION_STATUSES.map((status, i) => (
        <StatusToggle
          key={status}
          status={status}
          total={now.state.counts[status]}
          count={isByOthers ? (answer?.counts[i] ?? null) : null}
        />
      ))}
      {file?.isRedacted !== true && (
        <label>
          <span class="hidden">Text in the partition id</span>
          <input
            type="search"
            placeholder="Find in ids ( / )"
            value={filter.value.text ?? ''}
            data-key="/"
            onInput={(event) => setQuery({ q: event.currentTarget.value || null })}
          />
        </label>
      )}
      <MoreFilters now={now} units={units} />
      <Conditions conditions={filter.value} />
      {isFiltered.value && (
        <button type="button" onClick={clearFilter}>
          Show all
        </button>
      )}
    </>
  );
}

interface ToggleProps {
  status: PartitionStatus;
  /** Partitions of the run with the status. */
  total: number;
  /** Those of them that the other conditions select; null without any, or while it is not known. */
  count: number | null;
}

function StatusToggle({ status, total, count }: ToggleProps) {
  const chosen = filter.value.status ?? [];
  const isOn = chosen.includes(status);
  if (total === 0 && !isOn) return null;
  return (
    <button
      type="button"
      class={`toggle is-${status.toLowerCase()}`}
      aria-pressed={isOn}
      onClick={() => setStatuses(isOn ? chosen.filter((each) => each !== status) : [...chosen, status])}
    >
      <i aria-hidden="true">{GLYPHS[status]}</i> {status}{' '}
      {count === null ? number(total) : `${number(count)} of ${number(total)}`}
    </button>
  );
}

/** Conditions that no picture sets, or that one wants to set exactly. */
function MoreFilters({ now, units }: Pick<FiltersProps, 'now' | 'units'>) {
  const { took, rows, returned, attempts, execution, reused } = filter.value;
  return (
    <Menu title="More filters">
      <Range name="took" title="Took, ms" range={took} />
      <Range name="rows" title="Rows" range={rows} />
      <Range name="returned" title="Returned rows" range={returned} />
      <Range name="attempts" title="Calls" range={attempts} />
      {now.state.executions.length > 1 && <Range name="execution" title="Execution" range={execution} />}
      <label>
        Reused{' '}
        <select
          value={reused === undefined ? '' : String(reused)}
          onChange={(event) => setQuery({ reused: event.currentTarget.value || null })}
        >
          <option value="">any</option>
          <option value="true">reused</option>
          <option value="false">not reused</option>
        </select>
      </label>
      {file === null && <UnitFilters units={units} />}
    </Menu>
  );
}

/** The latest execution's workers and units. */
function UnitFilters({ units }: Pick<FiltersProps, 'units'>) {
  const { unit = '', worker = '' } = filter.value;
  const workers = [...new Set(units.value?.map((each) => each.worker))].filter((each) => each !== null);
  return (
    <>
      <label>
        Worker{' '}
        <select value={worker} onChange={(event) => setQuery({ worker: event.currentTarget.value || null })}>
          <option value="">any</option>
          {workers.map((each) => (
            <option key={each} value={each}>
              {shown(each)}
            </option>
          ))}
        </select>
      </label>
      <label>
        Unit{' '}
        <input
          value={unit}
          placeholder="any"
          onChange={(event) => setQuery({ unit: event.currentTarget.value.trim() || null })}
        />
      </label>
    </>
  );
}

function Range({
  name,
  title,
  range = [null, null],
}: {
  name: string;
  title: string;
  range: ValueRange | undefined;
}) {
  const side = (at: 0 | 1, word: string) => (
    <input
      type="number"
      min={0}
      aria-label={`${title}, ${word}`}
      placeholder={word}
      value={range[at] ?? ''}
      onChange={(event) => {
        const { value } = event.currentTarget;
        const next: [number | null, number | null] = [...range];
        next[at] = value === '' ? null : Number(value);
        setQuery({ [name]: next[0] === null && next[1] === null ? null : rangeText(next) });
      }}
    />
  );
  return (
    <div class="range">
      <span>{title}</span> {side(0, 'at least')} {side(1, 'at most')}
    </div>
  );
}

function rangeWords([least, most]: ValueRange, textOf: (value: number) => string = number): string {
  if (least === null) return most === null ? 'any' : `at most ${textOf(most)}`;
  if (most === null) return `at least ${textOf(least)}`;
  return textOf(least) === textOf(most) ? textOf(least) : `${textOf(least)} to ${textOf(most)}`;
}

function countWords(range: ValueRange, noun: string): string {
  return `${rangeWords(range)} ${noun}${(range[1] ?? range[0]) === 1 ? '' : 's'}`;
}

/** Each condition, with a way to remove it. */
function Conditions({ conditions }: { conditions: PartitionFilter }) {
  const texts: Readonly<Record<string, string | undefined>> = {
    ordinals:
      conditions.ordinals &&
      `partitions ${number(conditions.ordinals[0])} to ${number(conditions.ordinals[1] - 1)}`,
    group: conditions.group === undefined ? undefined : `cause ${conditions.group}`,
    took: conditions.took && `took ${rangeWords(conditions.took, durationText)}`,
    rows: conditions.rows && countWords(conditions.rows, 'row'),
    attempts: conditions.attempts && countWords(conditions.attempts, 'call'),
    returned: conditions.returned && `returned ${countWords(conditions.returned, 'row')}`,
    execution: conditions.execution && `execution ${rangeWords(conditions.execution)}`,
    unit: conditions.unit && `unit ${shown(conditions.unit)}`,
    worker: conditions.worker && `worker ${shown(conditions.worker)}`,
    reused: conditions.reused === undefined ? undefined : conditions.reused ? 'reused' : 'not reused',
  };
  return (
    <>
      {Object.entries(texts).map(([name, text]) =>
        text === undefined ? null : (
          <button key={name} type="button" class="condition" onClick={() => setQuery({ [name]: null })}>
            {text} <span aria-label="remove">×</span>
          </button>
        ),
      )}
    </>
  );
}
