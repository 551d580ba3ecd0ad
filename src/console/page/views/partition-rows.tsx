import type { ReturnedRows } from '../../wire/types';
import { useAnswer } from '../parts/use-answer';
import { DataTable } from '../parts/data-table';
import { number, plural, shown } from '../words';

export function RowsPanel({ path }: { path: string }) {
  const { value, problem } = useAnswer<ReturnedRows>(path);
  return (
    <section class="panel" aria-label="Returned rows">
      <h2>
        Returned rows{' '}
        {value !== null && (
          <span class="faint">
            {value.rows.length < value.total
              ? `the first ${number(value.rows.length)} of ${number(value.total)}`
              : plural(value.total, 'row')}
          </span>
        )}
      </h2>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value !== null && <DataTable columns={value.columns} rows={value.rows} />}
    </section>
  );
}
