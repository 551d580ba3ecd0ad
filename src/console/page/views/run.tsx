/** One run: from "is it all right?" down to each partition. */
import { useComputed } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { wasRefused } from '../../../core/status';
import { RunStore } from '../run-store';
import { shown } from '../words';
import { DurationsPanel, useFigures } from './run-durations';
import { FailuresPanel } from './run-failures';
import { FileNote } from './file-note';
import { RunHead } from './run-head';
import { MapPanel } from './run-map';
import { ScatterPanel } from './run-scatter';
import { StripPanel } from './run-strip';
import { TablePanel } from './run-table';
import { TimelinePanel, useUnits } from './run-timeline';

/** What the page has depends on it. It is another one a few times in a run's life. */
type Phase = 'unknown' | 'planning' | 'empty' | 'units' | 'cells';

function phaseOf(store: RunStore): Phase {
  const { value: now } = store.now;
  if (now === null) return 'unknown';
  if (now.total === 0)
    return now.state.status === 'IN_PROGRESS' && !wasRefused(now.state) ? 'planning' : 'empty';
  return store.drawn.value > 0 && store.total > 0 ? 'cells' : 'units';
}

/** Its parts get what they show from the store, and are rendered again each by itself. */
export function RunPage({ runId, execution }: { runId: string; execution: string | null }) {
  const store = useMemo(() => new RunStore(runId, execution), [runId, execution]);
  useEffect(() => () => store.close(), [store]);
  const { value: phase } = useComputed(() => phaseOf(store));
  const { value: total } = useComputed(() => store.now.value?.total ?? 0);
  const { value: isLost } = useComputed(() => store.connection.value.state === 'lost');
  const units = useUnits(store);
  document.title = shown(`${runId} · Partwise`);
  if (phase === 'unknown') return <Unknown store={store} />;
  return (
    <div class={isLost ? 'run is-lost' : 'run'}>
      <RunHead store={store} />
      <FileNote total={total} />
      {total > 0 && (
        <>
          <StripPanel store={store} total={total} units={units} />
          <div class="panels">
            <FailuresPanel store={store} />
            {phase === 'cells' ? (
              <>
                <MapPanel store={store} />
                <Times store={store} />
              </>
            ) : (
              <div class="shape table-shape" role="img" aria-label="Loading" />
            )}
            <TimelinePanel store={store} units={units} />
          </div>
          {phase === 'cells' && <TablePanel store={store} units={units} />}
        </>
      )}
      {phase === 'planning' && (
        <p class="empty">The run is being planned: its partitions appear here when their keys are known.</p>
      )}
    </div>
  );
}

/** Until the run's state is known. */
function Unknown({ store }: { store: RunStore }) {
  const refusal = store.refusal.value;
  const { value: connection } = store.connection;
  const why = refusal?.message ?? (connection.state === 'lost' ? connection.why : null);
  return (
    <>
      <h1>{shown(store.runId)}</h1>
      {why !== null ? (
        <p class="refusal">{shown(why)}</p>
      ) : (
        <>
          <div class="shape strip-shape" role="img" aria-label="Loading" />
          <div class="shape table-shape" />
        </>
      )}
    </>
  );
}

function Times({ store }: { store: RunStore }) {
  const figures = useFigures(store);
  return (
    <>
      <DurationsPanel store={store} figures={figures} />
      <ScatterPanel store={store} figures={figures} />
    </>
  );
}
