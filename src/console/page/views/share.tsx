/** Saves the run as one HTML file that opens anywhere, without the console. */
import { shellWord } from '../../../core/shell-word';
import { CopyCommand } from '../parts/copy';
import { Save } from '../parts/save';
import type { RunStore } from '../run-store';
import { request } from '../session';

export function Share({ store, execution }: { store: RunStore; execution: number | null }) {
  const name = fileName(store.runId, execution);
  const load = (redact: string): Promise<Response> => request(store.path('/export', { redact }));
  const which = store.execution === null || execution === null ? '' : ` --execution ${execution}`;
  return (
    <details class="share">
      <summary data-command="Share …">Share</summary>
      <div>
        <p>This page as one file, to read in any browser without the console.</p>
        <p class="buttons">
          <Save name={name} label="Save file" load={() => load('0')} />
          <Save name={name} label="Save without keys and messages" load={() => load('1')} />
          <CopyCommand
            command={`partwise export ${shellWord(store.runId)} --html ${shellWord(name)}${which}`}
          />
        </p>
      </div>
    </details>
  );
}

/** Any run id as the name of a file. */
function fileName(runId: string, execution: number | null): string {
  const name = runId.replaceAll(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^\.+/, '_');
  return `${name}${execution === null || execution === 1 ? '' : `-execution-${execution}`}.html`;
}
