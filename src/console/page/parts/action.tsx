import { shown } from '../words';
import { CopyCommand } from './copy';
import { useAction } from './use-action';

interface ActionProps<T> {
  label: string;
  path: string;
  body: unknown;
  /** The command that does the same. */
  command: string;
  disabled?: boolean;
  onDone: (answer: T) => void;
}

/** A button, the command that does the same, and why it was refused. */
export function Action<T>({ label, path, body, command, disabled = false, onDone }: ActionProps<T>) {
  const { act, isActing, problem } = useAction<T>();
  const run = async (): Promise<void> => {
    const done = await act(path, body);
    if (done !== null) onDone(done.answer);
  };
  return (
    <span class="action">
      <button type="button" disabled={disabled || isActing} onClick={() => void run()}>
        {label}
      </button>
      <CopyCommand command={command} label="Copy as command" />
      {problem !== null && (
        <span class="refusal" role="alert">
          {shown(problem)}
        </span>
      )}
    </span>
  );
}
