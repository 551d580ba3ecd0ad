/** Buttons that change a run. What a retry touches is shown before it starts. */
import { useState } from 'preact/hooks';
import type { RunArchive, RunState } from '../../..';
import { shellWord } from '../../../core/shell-word';
import { wasRefused } from '../../../core/status';
import { filter, isFiltered } from '../filter';
import { Action } from '../parts/action';
import { ActionDialog } from '../parts/action-dialog';
import { number, plural, shown } from '../words';
import { actionPath } from './action-path';
import { RetryDialog } from './retry-dialog';
import { SettingFields, settingFlags, settingsOf, type SettingTexts } from './run-settings';
import { SkipDialog } from './skip-dialog';

type Question = 'retry' | 'filtered' | 'settings' | 'skip' | 'cancel';

export function RunActions({ state }: { state: RunState }) {
  const [open, setOpen] = useState<Question | null>(null);
  const { runId, status, counts, paused } = state;
  const isOpen = status === 'IN_PROGRESS';
  const rest = counts.total - counts.DONE;
  const close = (): void => setOpen(null);
  const button = (question: Question, label: string) => (
    <button type="button" data-command="" onClick={() => setOpen(question)}>
      {label} …
    </button>
  );

  return (
    <div class="actions">
      {!isOpen && rest > 0 && button('retry', `Retry ${number(rest)}`)}
      {!isOpen && rest > 0 && isFiltered.value && button('filtered', 'Retry filtered partitions')}
      {isOpen && (
        <Action
          label={paused ? 'Unpause' : 'Pause'}
          path={actionPath(runId, paused ? 'unpause' : 'pause')}
          body={{}}
          command={`partwise ${paused ? 'unpause' : 'pause'} ${shellWord(runId)}`}
          onDone={close}
        />
      )}
      {isOpen && button('settings', 'Settings')}
      {isOpen && isFiltered.value && button('skip', 'Skip filtered partitions')}
      {isOpen && button('cancel', 'Cancel')}
      {!isOpen && !state.archived && !wasRefused(state) && <Archive runId={runId} />}
      {open === 'retry' && <RetryDialog runId={runId} which={{ by: 'all' }} onClose={close} />}
      {open === 'filtered' && (
        <RetryDialog runId={runId} which={{ by: 'filter', filter: filter.value }} onClose={close} />
      )}
      {open === 'settings' && <SettingsDialog state={state} onClose={close} />}
      {open === 'skip' && <SkipDialog runId={runId} onClose={close} />}
      {open === 'cancel' && <CancelDialog runId={runId} onClose={close} />}
    </div>
  );
}

/** Every run is archived when it ends, unless it was terminated; then, and at any other time, by hand. */
function Archive({ runId }: { runId: string }) {
  const [done, setDone] = useState<RunArchive | null>(null);
  return (
    <>
      <Action<RunArchive>
        label="Archive"
        path={actionPath(runId, 'archive')}
        body={{}}
        command={`partwise archive ${shellWord(runId)}`}
        onDone={setDone}
      />
      {done !== null && <span role="status">{shown(archivedText(done))}</span>}
    </>
  );
}

function archivedText({ stage, executions }: RunArchive): string {
  const archived = executions.filter(({ path }) => path !== null);
  const lost = executions.filter(({ path }) => path === null).map(({ execution }) => execution);
  const text = `${plural(archived.length, 'execution')} archived on ${stage}.`;
  if (lost.length === 0) return text;
  return `${text} The server has deleted what was never archived: execution ${lost.join(', ')}.`;
}

function SettingsDialog({ state, onClose }: { state: RunState; onClose: () => void }) {
  const [opened] = useState<SettingTexts>(() => ({
    maxConcurrency: String(state.maxConcurrency ?? ''),
    toleratedFailures: String(state.toleratedFailures ?? ''),
  }));
  const [texts, setTexts] = useState(opened);
  // Only what was changed here is sent: somebody else may have changed the other since.
  const changed: SettingTexts = Object.fromEntries(
    Object.entries(texts).filter(([name, text]) => text !== opened[name as keyof SettingTexts]),
  );
  const flags = settingFlags(changed);
  return (
    <ActionDialog
      title="Settings of the run"
      label="Change"
      path={actionPath(state.runId, 'set')}
      body={settingsOf(changed)}
      command={flags === '' ? null : `partwise set ${shellWord(state.runId)}${flags}`}
      disabled={flags === ''}
      onDone={onClose}
      onClose={onClose}
    >
      <SettingFields names={['maxConcurrency', 'toleratedFailures']} texts={texts} setTexts={setTexts} />
    </ActionDialog>
  );
}

/** A cancel cannot be undone, so the run's id must be typed. */
function CancelDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  return (
    <ActionDialog
      title="Cancel the run"
      label="Cancel the run"
      path={actionPath(runId, 'cancel')}
      body={{}}
      command={`partwise cancel ${shellWord(runId)}`}
      disabled={typed !== runId}
      onDone={onClose}
      onClose={onClose}
    >
      <p>
        Running partitions are stopped, and no other is started. DONE partitions stay, and a retry continues.
      </p>
      <label>
        Type <b>{shown(runId)}</b> to cancel it{' '}
        <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
    </ActionDialog>
  );
}
