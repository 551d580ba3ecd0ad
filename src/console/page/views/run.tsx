/** One run: from "is it all right?" down to each partition. */
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

export function RunPage({ runId, execution }: { runId: string; execution: string | null }) {
  const store = useMemo(() => new RunStore(runId, execution), [runId, execution]);
  useEffect(() => () => store.close(), [store]);
  const now = store.now.value;
  const figures = useFigures(store);
  const units = useUnits(store);
  document.title = shown(`${runId} · Partwise`);
  if (now === null) {
    const refusal = store.refusal.value;
    const { value: connection } = store.connection;
    const why = refusal?.message ?? (connection.state === 'lost' ? connection.why : null);
    if (why !== null)
      return (
        <>
          <h1>{shown(runId)}</h1>
          <p class="refusal">{shown(why)}</p>
        </>
      );
    return (
      <>
        <h1>{shown(runId)}</h1>
        <div class="shape strip-shape" role="img" aria-label="Loading" />
        <div class="shape table-shape" />
      </>
    );
  }
  void store.drawn.value;
  const hasCells = store.total > 0;
  const isLost = store.connection.value.state === 'lost';
  return (
    <div class={isLost ? 'run is-lost' : 'run'}>
      <RunHead store={store} now={now} />
      <FileNote total={now.total} />
      {now.total > 0 && (
        <>
          <StripPanel store={store} now={now} units={units} />
          <div class="panels">
            <FailuresPanel store={store} now={now} />
            {hasCells && <MapPanel store={store} now={now} />}
            {hasCells && <DurationsPanel store={store} figures={figures} />}
            {hasCells && <ScatterPanel store={store} figures={figures} />}
            {!hasCells && <div class="shape table-shape" role="img" aria-label="Loading" />}
            <TimelinePanel now={now} units={units} />
          </div>
          {hasCells && <TablePanel store={store} now={now} units={units} />}
        </>
      )}
      {now.total === 0 && !wasRefused(now.state) && now.state.status === 'IN_PROGRESS' && (
        <p class="empty">The run is being planned: its partitions appear here when their keys are known.</p>
      )}
    </div>
  );
}
