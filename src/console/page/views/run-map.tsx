/** One picture of all partitions, in key order or as a matrix of two key columns. */
import { MAX_PAIRS } from '../../table/matrix';
import { useComputed } from '@preact/signals';
import type { MatrixAnswer } from '../../wire/types';
import { currentQuery, go, query, runAddress, setQuery } from '../address';
import { useAnswer } from '../parts/use-answer';
import { COLOURING_NAMES, COLOURINGS, type Colouring } from '../pictures/colours';
import type { RunStore } from '../run-store';
import { hasPartitionPage } from '../session';
import { shown } from '../words';
import { rowOf } from './map-cell';
import { MapGrid } from './map-grid';
import { MapLegend } from './map-legend';
import { MapMatrix } from './map-matrix';

export function MapPanel({ store }: { store: RunStore }) {
  void store.drawn.value;
  const colouring = COLOURINGS.find((each) => each === query.value.get('map')) ?? 'status';
  const wantsMatrix = query.value.get('layout') === 'matrix';
  const mayBeMatrix = wantsMatrix || store.total <= MAX_PAIRS;
  // Another execution may be of another table.
  const { value: executions } = useComputed(() => store.now.value!.state.executions.length);
  const { value: answer } = useAnswer<MatrixAnswer>(mayBeMatrix ? store.path('/matrix') : null, {
    version: executions,
  });
  const matrix = answer?.matrix?.places.length === store.total ? answer.matrix : null;
  const open = async (ordinal: number): Promise<void> => {
    const { id } = await rowOf(store, ordinal);
    if (id === null || !hasPartitionPage(id)) setQuery({ ordinals: `${ordinal}-${ordinal + 1}` });
    else go(`${runAddress(store.runId, id)}${currentQuery()}`);
  };
  const controls = (
    <>
      {matrix !== null && (
        <button
          type="button"
          class="toggle"
          aria-pressed={wantsMatrix}
          onClick={() => setQuery({ layout: wantsMatrix ? null : 'matrix' })}
        >
          {shown(matrix.rows.name)} × {shown(matrix.columns.name)}
        </button>
      )}
      <Colours colouring={colouring} />
    </>
  );
  const parts = { store, colouring, controls, open: (ordinal: number) => void open(ordinal) };
  return (
    <section class="panel map" aria-label="All partitions">
      {wantsMatrix && matrix !== null ? <MapMatrix {...parts} matrix={matrix} /> : <MapGrid {...parts} />}
      {wantsMatrix && answer !== null && answer.why !== null && <p class="note">{answer.why}</p>}
      <MapLegend store={store} colouring={colouring} />
    </section>
  );
}

function Colours({ colouring }: { colouring: Colouring }) {
  return (
    <label class="push">
      colour{' '}
      <select
        value={colouring}
        onChange={({ currentTarget: { value } }) => setQuery({ map: value === 'status' ? null : value })}
      >
        {COLOURINGS.map((each) => (
          <option key={each} value={each}>
            {COLOURING_NAMES[each]}
          </option>
        ))}
      </select>
    </label>
  );
}
