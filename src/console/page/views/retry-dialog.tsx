/** A retry: which partitions it runs is asked for first, then it is started. */
import { useState } from 'preact/hooks';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import type { SelectionPreviewed, RetryRequest } from '../../wire/types';
import { go, runAddress } from '../address';
import { ActionDialog } from '../parts/action-dialog';
import { useAnswer } from '../parts/use-answer';
import { plural, shown } from '../words';
import { actionPath } from './action-path';
import { ordinalsFlag } from './ordinals-flag';
import { SettingFields, settingFlags, settingsOf, type SettingTexts } from './run-settings';

export function RetryDialog({
  runId,
  which,
  onClose,
}: {
  runId: string;
  which: RetryRequest['which'];
  onClose: () => void;
}) {
  const [texts, setTexts] = useState<SettingTexts>({});
  const options = settingsOf(texts);
  const request: RetryRequest = { which, ...(Object.keys(options).length > 0 && { options }) };
  const { value: preview, problem } = useAnswer<SelectionPreviewed>(actionPath(runId, 'preview-retry'), {
    body: request,
  });
  const count = preview?.partitions ?? 0;

  return (
    <ActionDialog
      title={`Retry ${titleOf(which)}`}
      label={`Retry ${plural(count, 'partition')}`}
      path={actionPath(runId, 'retry')}
      body={request}
      command={commandOf(runId, which, texts, preview)}
      disabled={count === 0 || problem !== null}
      onDone={() => {
        onClose();
        go(runAddress(runId));
      }}
      onClose={onClose}
    >
      {preview === null && problem === null && <p class="faint">Finding the partitions to retry …</p>}
      {preview !== null && (
        <p>
          Runs <b>{plural(count, 'partition')}</b> again, on the rows that the run has pinned, with the
          current functions. DONE partitions are not called again.
        </p>
      )}
      <SettingFields
        names={['maxConcurrency', 'toleratedFailures', 'timeout']}
        texts={texts}
        setTexts={setTexts}
        placeholder="as before"
      />
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
    </ActionDialog>
  );
}

function titleOf(which: RetryRequest['which']): string {
  if (which.by === 'all') return 'everything that is not DONE';
  if (which.by === 'cause') return 'one cause';
  if (which.by === 'id') return shown(partitionName(which.id));
  return which.by === 'filter' ? 'filtered partitions' : 'selected partitions';
}

function commandOf(
  runId: string,
  which: RetryRequest['which'],
  texts: SettingTexts,
  preview: SelectionPreviewed | null,
): string | null {
  const selection = selectionOf(which, preview);
  if (selection === null) return null;
  return `partwise retry ${shellWord(runId)}${selection}${settingFlags(texts)}`;
}

function selectionOf(which: RetryRequest['which'], preview: SelectionPreviewed | null): string | null {
  if (which.by === 'all') return '';
  if (which.by === 'id') return ` --only=${shellWord(which.id)}`;
  if (which.by === 'cause') return ` --failed-with=${shellWord(which.failedWith)}`;
  return ordinalsFlag(preview);
}
