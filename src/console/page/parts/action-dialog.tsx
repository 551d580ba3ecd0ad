import type { ComponentChildren } from 'preact';
import { shown } from '../words';
import { CopyCommand } from './copy';
import { Dialog } from './dialog';
import { useAction } from './use-action';

interface ActionDialogProps {
  title: string;
  /** Of the button that does it. */
  label: string;
  path: string;
  body: unknown;
  /** The command that does the same; null if there is none to show yet. */
  command: string | null;
  disabled?: boolean;
  onDone: () => void;
  onClose: () => void;
  children: ComponentChildren;
}

/** A question about an action, the command that does the same, and why it was refused. */
export function ActionDialog({
  title,
  label,
  path,
  body,
  command,
  disabled = false,
  onDone,
  onClose,
  children,
}: ActionDialogProps) {
  const { act, isActing, problem } = useAction();
  const run = async (): Promise<void> => {
    if ((await act(path, body)) !== null) onDone();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        {children}
        {problem !== null && (
          <p class="refusal" role="alert">
            {shown(problem)}
          </p>
        )}
        <p class="actions">
          <button type="submit" disabled={disabled || isActing}>
            {label}
          </button>
          <button type="button" onClick={onClose}>
            Close
          </button>
          {command !== null && <CopyCommand command={command} />}
        </p>
      </form>
    </Dialog>
  );
}
