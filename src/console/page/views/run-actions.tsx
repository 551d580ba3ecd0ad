/** Buttons that change a run. What a retry touches is shown before it starts. */
import { useState } from 'preact/hooks';
import type { RunState } from '../../..';
import type { TableAnswer } from '../../wire/types';
import { shellWord } from '../../../core/shell-word';
import { filter, isFiltered } from '../filter';
import { CopyCommand } from '../parts/copy';
import { Dialog } from '../parts/dialog';
import { problemOf, useAnswer } from '../parts/use-answer';
import { ask } from '../session';
import { number, plural, shown } from '../words';
import { RetryDialog } from './retry-dialog';

/** The library skips no more at once. */
const MAX_SKIPPED = 500;

export function RunActions({ state }: { state: RunState }) {
  const [open, setOpen] = useState<'retry' | 'selected' | 'settings' | 'skip' | 'cancel' | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const { runId, status, counts, paused } = state;
  const isOpen = status === 'IN_PROGRESS';
  const rest = counts.total - counts.DONE;
  const act = async (action: string, body: unknown = {}): Promise<void> => {
    setProblem(null);
    try {
      await ask(`runs/${encodeURIComponent(runId)}/actions/${action}`, { body });
      setOpen(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const close = (): void => {
    setOpen(null);
    setProblem(null);
  };

  return (
    <div class="actions">
      {!isOpen && rest > 0 && (
        <button type="button" onClick={() => setOpen('retry')}>
          Retry {number(rest)} …
        </button>
      )}
      {!isOpen && rest > 0 && isFiltered.value && (
        <button type="button" onClick={() => setOpen('selected')}>
          Retry selected partitions …
        </button>
      )}
      {isOpen && (
        <>
          <button type="button" onClick={() => void act(paused ? 'unpause' : 'pause')}>
            {paused ? 'Unpause' : 'Pause'}
          </button>
          <CopyCommand command={`partwise ${paused ? 'unpause' : 'pause'} ${shellWord(runId)}`} />
        </>
      )}
      {isOpen && (
        <button type="button" onClick={() => setOpen('settings')}>
          Settings …
        </button>
      )}
      {isOpen && isFiltered.value && (
        <button type="button" onClick={() => setOpen('skip')}>
          Skip selected partitions …
        </button>
      )}
      {isOpen && (
        <button type="button" onClick={() => setOpen('cancel')}>
          Cancel …
        </button>
      )}
      {problem !== null && open === null && <p class="refusal">{shown(problem)}</p>}
      {open === 'retry' && <RetryDialog runId={runId} which={{ by: 'all' }} onClose={close} />}
      {open === 'selected' && (
        <RetryDialog runId={runId} which={{ by: 'filter', filter: filter.value }} onClose={close} />
      )}
      {open === 'settings' && <SettingsDialog state={state} problem={problem} act={act} onClose={close} />}
      {open === 'skip' && <SkipDialog runId={runId} problem={problem} act={act} onClose={close} />}
      {open === 'cancel' && <CancelDialog runId={runId} problem={problem} act={act} onClose={close} />}
    </div>
  );
}

interface ActionDialogProps {
  problem: string | null;
  act: (action: string, body?: unknown) => Promise<void>;
  onClose: () => void;
}

function SettingsDialog({ state, problem, act, onClose }: ActionDialogProps & { state: RunState }) {
  const before = [state.maxConcurrency, state.toleratedFailures].map((value) => String(value ?? ''));
  const [concurrency, setConcurrency] = useState(before[0]!);
  const [tolerated, setTolerated] = useState(before[1]!);
  const [opened] = useState(before);
  // Only what was changed here is sent: somebody else may have changed the other since.
  const body = {
    ...(concurrency !== '' && concurrency !== opened[0] && { maxConcurrency: Number(concurrency) }),
    ...(tolerated !== '' &&
      tolerated !== opened[1] && {
        toleratedFailures: /^\d+$/.test(tolerated) ? Number(tolerated) : tolerated,
      }),
  };
  const flags = [
    ...('maxConcurrency' in body ? [`--max-concurrency ${shellWord(concurrency)}`] : []),
    ...('toleratedFailures' in body ? [`--tolerated-failures ${shellWord(tolerated)}`] : []),
  ];
  return (
    <Dialog title="Settings of the run" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act('set', body);
        }}
      >
        <label>
          Units at a time{' '}
          <input value={concurrency} onInput={(event) => setConcurrency(event.currentTarget.value)} />
        </label>
        <label>
          Partitions that may fail{' '}
          <input value={tolerated} onInput={(event) => setTolerated(event.currentTarget.value)} />
        </label>
        {problem !== null && <p class="refusal">{shown(problem)}</p>}
        <p class="actions">
          <button type="submit" disabled={flags.length === 0}>
            Change
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
          {flags.length > 0 && (
            <CopyCommand command={`partwise set ${shellWord(state.runId)} ${flags.join(' ')}`} />
          )}
        </p>
      </form>
    </Dialog>
  );
}

/** Skipped partitions cannot be started again in this run, so their number is shown first. */
function SkipDialog({ runId, problem, act, onClose }: ActionDialogProps & { runId: string }) {
  const [chosen] = useState(filter.value);
  const { value } = useAnswer<TableAnswer>(`runs/${encodeURIComponent(runId)}/table`, {
    body: { filter: chosen, sort: { column: 'key', descending: false }, offset: 0, limit: MAX_SKIPPED },
  });
  const flags = (value?.rows ?? []).map(({ id }) => shellWord(id ?? ''));
  return (
    <Dialog title="Skip selected partitions" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act('skip', { filter: chosen });
        }}
      >
        <p>
          {value === null
            ? 'Counting the partitions …'
            : `${plural(value.selected, 'partition')} are selected. Those that have not ended are skipped, or none if that is refused.`}
        </p>
        {problem !== null && <p class="refusal">{shown(problem)}</p>}
        <p class="actions">
          <button type="submit" disabled={value === null || value.selected === 0}>
            Skip {value === null ? '' : plural(value.selected, 'partition')}
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
          {value !== null && value.selected > 0 && value.selected <= MAX_SKIPPED && (
            <CopyCommand command={`partwise skip ${shellWord(runId)} ${flags.join(' ')}`} />
          )}
        </p>
      </form>
    </Dialog>
  );
}

/** A cancel cannot be undone, so the run's id must be typed. */
function CancelDialog({ runId, problem, act, onClose }: ActionDialogProps & { runId: string }) {
  const [typed, setTyped] = useState('');
  return (
    <Dialog title="Cancel the run" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act('cancel');
        }}
      >
        <p>
          What is running is stopped, and nothing else is started. What is DONE stays, and a retry continues.
        </p>
        <label>
          Type <b>{shown(runId)}</b> to cancel it{' '}
          <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        {problem !== null && <p class="refusal">{shown(problem)}</p>}
        <p class="actions">
          <button type="submit" disabled={typed !== runId}>
            Cancel the run
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
          <CopyCommand command={`partwise cancel ${shellWord(runId)}`} />
        </p>
      </form>
    </Dialog>
  );
}
