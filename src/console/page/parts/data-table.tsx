import type { ColumnView } from '../../wire/types';
import { shown } from '../words';

/** Values as text; null is NULL. */
export function DataTable({
  columns,
  rows,
}: {
  columns: readonly ColumnView[];
  rows: readonly (readonly (string | null)[])[];
}) {
  return (
    <div class="scrolled" tabIndex={0} role="group" aria-label="Rows">
      <table>
        <thead>
          <tr>
            {columns.map(({ name, type, isNumber }) => (
              <th key={name} class={isNumber ? 'number' : ''} title={type ?? undefined}>
                {shown(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((value, column) => (
                <td key={column} class={columns[column]!.isNumber ? 'number' : ''}>
                  {value === null ? <span class="faint">NULL</span> : shown(value)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
