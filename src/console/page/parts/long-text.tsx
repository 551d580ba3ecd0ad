import { shown } from '../words';

const SHOWN = 80;

/** Text in one line; of a long one, the beginning, and the rest when it is opened. */
export function LongText({ text }: { text: string }) {
  const line = shown(text.replaceAll(/\s+/g, ' '));
  if (line.length <= SHOWN) return <span>{line}</span>;
  return (
    <details class="long">
      <summary>{line.slice(0, SHOWN)} …</summary>
      <pre tabIndex={0}>{shown(text)}</pre>
    </details>
  );
}
