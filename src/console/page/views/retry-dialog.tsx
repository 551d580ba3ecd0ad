/** A retry: which partitions it runs is asked for first, then it is started. */
import { useState } from 'preact/hooks';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import type { RetryPreviewed, RetryRequest } from '../../wire/types';
import { go, runAddress } from '../address';
import { CopyCommand } from '../parts/copy';
import { Dialog } from '../parts/dialog';
import { problemOf, useAnswer } from '../parts/use-answer';
import { ask } from '../session';
import { plural, shown } from '../words';

/** Longer selections are not written as a command. */
const MAX_ORDINALS = 1_000;

export function RetryDialog({
  runId,
  which,
  onClose,
}: {
  runId: string;
  which: RetryRequest['which'];
  onClose: () => void;
}) {
  const [concurrency, setConcurrency] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isStarting, setStarting] = useState(false);
  const run = `runs/${encodeURIComponent(runId)}/actions`;
  const request: RetryRequest = {
    which,
    ...(concurrency !== '' && { options: { maxConcurrency: Number(concurrency) } }),
  };
  const preview = useAnswer<RetryPreviewed>(`${run}/preview-retry`, { body: request });
  const count = preview.value?.partitions ?? 0;
  const start = async (): Promise<void> => {
    setStarting(true);
    setProblem(null);
    try {
      await ask(`${run}/retry`, { body: request });
      onClose();
      go(runAddress(runId));
    } catch (error) {
      setProblem(problemOf(error));
      setStarting(false);
    }
  };
  const why = problem ?? preview.problem;

  return (
    <Dialog title={`Retry ${titleOf(which)}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        {preview.value === null && preview.problem === null && (
          <p class="faint">Finding the partitions to retry …</p>
        )}
        {preview.value !== null && (
          <p>
            Runs <b>{plural(count, 'partition')}</b> again, on the rows that the run has pinned, with the
            current functions. DONE partitions are not called again.
          </p>
        )}
        <label>
          Units at a time{' '}
          <input
            inputMode="numeric"
            placeholder="as before"
            value={concurrency}
            onInput={(event) => setConcurrency(event.currentTarget.value.trim())}
          />
        </label>
        {why !== null && <p class="refusal">{shown(why)}</p>}
        <p class="actions">
          <button type="submit" disabled={preview.value === null || count === 0 || isStarting}>
            {isStarting ? 'Starting …' : `Retry ${plural(count, 'partition')}`}
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
          <Command runId={runId} which={which} concurrency={concurrency} preview={preview.value} />
        </p>
      </form>
    </Dialog>
  );
}

function titleOf(which: RetryRequest['which']): string {
  if (which.by === 'all') return 'everything that is not DONE';
  if (which.by === 'cause') return 'one cause';
  return which.by === 'id' ? shown(partitionName(which.id)) : 'selected partitions';
}

function Command({
  runId,
  which,
  concurrency,
  preview,
}: {
  runId: string;
  which: RetryRequest['which'];
  concurrency: string;
  preview: RetryPreviewed | null;
}) {
  const selection = selectionOf(which, preview);
  if (selection === null) return null;
  const settings = concurrency === '' ? '' : ` --max-concurrency ${shellWord(concurrency)}`;
  return <CopyCommand command={`partwise retry ${shellWord(runId)}${selection}${settings}`} />;
}

function selectionOf(which: RetryRequest['which'], preview: RetryPreviewed | null): string | null {
  if (which.by === 'all') return '';
  if (which.by === 'id') return ` --only=${shellWord(which.id)}`;
  if (which.by === 'cause') return ` --failed-with=${shellWord(which.failedWith)}`;
  if (preview === null || preview.partitions === 0 || preview.partitions > MAX_ORDINALS) return null;
  return ` --ordinals ${preview.ordinals}`;
}
