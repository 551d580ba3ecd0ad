import { useState } from 'preact/hooks';

const SHOWN_MS = 1_500;

/** Copies a command that does the same in a terminal. */
export function CopyCommand({ command, label = 'Copy command' }: { command: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <button type="button" class="quiet" title={command} onClick={() => void copy()}>
      {copied ? 'Copied' : label}
    </button>
  );
}
