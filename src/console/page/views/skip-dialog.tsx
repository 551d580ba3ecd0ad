/** A skip: which partitions it is about is asked for first, and whether they can be skipped. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import type { SelectionPreviewed } from '../../wire/types';
import { filter } from '../filter';
import { ActionDialog } from '../parts/action-dialog';
import { useAnswer } from '../parts/use-answer';
import { plural, shown } from '../words';
import { actionPath } from './action-path';
import { ordinalsFlag } from './ordinals-flag';

export function SkipDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const [chosen] = useState(filter.value);
  const { value: preview, problem } = useAnswer<SelectionPreviewed>(actionPath(runId, 'preview-skip'), {
    body: { filter: chosen },
  });
  const count = preview?.partitions ?? 0;
  const flag = ordinalsFlag(preview);
  return (
    <ActionDialog
      title="Skip filtered partitions"
      label={`Skip ${plural(count, 'partition')}`}
      path={actionPath(runId, 'skip')}
      body={{ filter: chosen }}
      command={flag === null ? null : `partwise skip ${shellWord(runId)}${flag}`}
      disabled={count === 0 || problem !== null}
      onDone={onClose}
      onClose={onClose}
    >
      {preview === null && problem === null && <p class="faint">Finding the partitions to skip …</p>}
      {preview !== null && (
        <p>
          Skips <b>{plural(count, 'partition')}</b>: all of them, or none if one ends or starts meanwhile. A
          retry runs them.
        </p>
      )}
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
    </ActionDialog>
  );
}
