import { useState } from 'preact/hooks';
import { shown } from '../words';
import { Action } from './action';

interface DeleteProps {
  /** What is deleted, and what is kept. */
  what: string;
  /** Typed to confirm. */
  name: string;
  path: string;
  command: string;
  onDone: () => void;
}

/** What cannot be undone is confirmed by typing its name. */
export function DeleteByName({ what, name, path, command, onDone }: DeleteProps) {
  const [typed, setTyped] = useState('');
  return (
    <details class="form">
      <summary data-command="">Delete …</summary>
      <p>{what}</p>
      <div class="filters">
        <label>
          Type <b>{shown(name)}</b> to confirm{' '}
          <input value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <Action
          label="Delete"
          path={path}
          body={{}}
          command={command}
          disabled={typed !== name}
          onDone={onDone}
        />
      </div>
    </details>
  );
}
