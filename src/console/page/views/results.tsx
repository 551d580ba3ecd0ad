/** The rows that a run's functions returned, with figures of each column. */
import { useState } from 'preact/hooks';
import { FILTER_OPERATORS, type FilterOperator } from '../../../core/filter-operators';
import { shellWord } from '../../../core/shell-word';
import type { ColumnFigures, ResultsAnswer, ResultsRequest } from '../../wire/types';
import { query, runAddress, setQuery } from '../address';
import { CopyCommand } from '../parts/copy';
import { DataTable } from '../parts/data-table';
import { RunsLink } from '../parts/runs-link';
import { Save } from '../parts/save';
import { useAnswer } from '../parts/use-answer';
import { number, plural, shown } from '../words';
import { file, request } from '../session';
import { ChartPanel } from './results-chart';
import { ColumnsPanel } from './results-columns';

const PAGE = 100;

export function ResultsPage({ runId, execution }: { runId: string; execution: string | null }) {
  const own = execution === null ? '' : `?execution=${encodeURIComponent(execution)}`;
  const path = `runs/${encodeURIComponent(runId)}/results`;
  const [offset, setOffset] = useState(0);
  const where = conditionsOf(query.value.getAll('where'));
  const sort = query.value.get('sort');
  const question: ResultsRequest = {
    offset,
    limit: PAGE,
    sort: sort === null ? [] : [{ column: sort.replace(/^-/, ''), descending: sort.startsWith('-') }],
    where,
  };
  const { value, problem } = useAnswer<ResultsAnswer>(`${path}${own}`, { body: question });
  const figures = useAnswer<ColumnFigures[]>(`${path}/columns${own}`, { body: { where } });
  document.title = shown(`Results · ${runId} · Partwise`);
  const change = (conditions: ResultsRequest['where']): void => {
    setOffset(0);
    setQuery({ where: conditions.length === 0 ? null : JSON.stringify(conditions) });
  };

  return (
    <>
      <p class="crumbs">
        <RunsLink />
        <a href={`${runAddress(runId)}${own}`}>{shown(runId)}</a>
      </p>
      <h1>Results {value !== null && <span class="faint">{plural(value.total, 'row')}</span>}</h1>
      {file !== null && value !== null && (
        <>
          {value.rows.length < value.total && (
            <p class="note">The file has the first {number(value.rows.length)} of these rows.</p>
          )}
          <DataTable columns={value.columns} rows={value.rows} />
        </>
      )}
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {file === null && value !== null && (
        <>
          <Conditions columns={value.columns.map(({ name }) => name)} where={where} onChange={change} />
          <p class="actions">
            <label>
              sort{' '}
              <select
                value={sort ?? ''}
                onChange={(event) => {
                  setOffset(0);
                  setQuery({ sort: event.currentTarget.value || null });
                }}
              >
                <option value="">by key</option>
                {value.columns.flatMap(({ name }) => [
                  <option key={name} value={name}>
                    {shown(name)} ↑
                  </option>,
                  <option key={`-${name}`} value={`-${name}`}>
                    {shown(name)} ↓
                  </option>,
                ])}
              </select>
            </label>
            <button
              type="button"
              disabled={offset === 0}
              onClick={() => setOffset(Math.max(0, offset - PAGE))}
            >
              Previous
            </button>
            <span>
              {value.total === 0
                ? 'no rows'
                : `${number(offset + 1)} to ${number(Math.min(offset + PAGE, value.total))} of ${number(value.total)}`}
            </span>
            <button
              type="button"
              disabled={offset + PAGE >= value.total}
              onClick={() => setOffset(offset + PAGE)}
            >
              Next
            </button>
            <Save
              name={`${runId.replaceAll('/', '-')}.parquet`}
              label="Save all as Parquet"
              load={() => request(`${path}/file${own}`)}
            />
            <CopyCommand command={commandFor(runId, where, sort)} />
          </p>
          <DataTable columns={value.columns} rows={value.rows} />
          <ChartPanel path={`${path}${own}`} columns={value.columns} where={where} />
        </>
      )}
      {figures.problem !== null && figures.problem !== problem && (
        <p class="refusal">{shown(figures.problem)}</p>
      )}
      {figures.value !== null && <ColumnsPanel figures={figures.value} />}
    </>
  );
}

function commandFor(runId: string, where: ResultsRequest['where'], sort: string | null): string {
  const flags = where.flatMap(({ column, op, value }) => [
    '--where',
    shellWord([column, op, ...(value === undefined ? [] : [value])].join(' ')),
  ]);
  if (sort !== null) flags.push(`--sort=${shellWord(sort)}`);
  return ['partwise results', shellWord(runId), ...flags].join(' ');
}

function Conditions({
  columns,
  where,
  onChange,
}: {
  columns: readonly string[];
  where: ResultsRequest['where'];
  onChange: (where: ResultsRequest['where']) => void;
}) {
  const [op, setOp] = useState<FilterOperator>('=');
  const takesValue = op !== 'isNull' && op !== 'isNotNull';
  return (
    <form
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const text = (name: string): string => {
          const entry = data.get(name);
          return typeof entry === 'string' ? entry : '';
        };
        const [column, value] = [text('column'), text('value')];
        onChange([...where, { column, op, ...(takesValue && { value }) }]);
      }}
    >
      <label>
        <span class="hidden">Column</span>
        <select name="column">
          {columns.map((name) => (
            <option key={name} value={name}>
              {shown(name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="hidden">Condition</span>
        <select value={op} onChange={(event) => setOp(event.currentTarget.value as FilterOperator)}>
          {FILTER_OPERATORS.map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      {takesValue && (
        <label>
          <span class="hidden">Value</span>
          <input name="value" placeholder="value" />
        </label>
      )}
      <button type="submit">Filter</button>
      {where.map((condition, i) => (
        <button
          key={i}
          type="button"
          class="condition"
          onClick={() => onChange(where.filter((_, other) => other !== i))}
        >
          {shown(`${condition.column} ${condition.op} ${condition.value ?? ''}`)}{' '}
          <span aria-label="remove">×</span>
        </button>
      ))}
    </form>
  );
}

/** The conditions in the address; what is not one is ignored. */
function conditionsOf(texts: readonly string[]): ResultsRequest['where'] {
  try {
    return texts.flatMap((text) => JSON.parse(text) as ResultsRequest['where']);
  } catch {
    return [];
  }
}
