import { useState } from 'preact/hooks';
import type { SourceExcerpt, StackPlace } from '../../..';
import type { SourceAnswer } from '../../wire/types';
import { shown } from '../words';
import { useAnswer } from './use-answer';

/** The code around a place, as it was when the run called it; loaded when it is opened. */
export function Excerpt({ runId, digest, place }: { runId: string; digest: string; place: StackPlace }) {
  const [isOpen, setOpen] = useState(false);
  const { file, line } = place;
  const question = new URLSearchParams({ digest, file, line: String(line) });
  const path = isOpen ? `runs/${encodeURIComponent(runId)}/source?${question}` : null;
  const { value, problem } = useAnswer<SourceAnswer>(path);
  return (
    <details class="excerpt" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>source</summary>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value !== null && value.excerpt === null && (
        <p class="empty">The code that ran is not on the console's machine.</p>
      )}
      {value !== null && value.excerpt !== null && <Lines excerpt={value.excerpt} />}
    </details>
  );
}

function Lines({ excerpt }: { excerpt: SourceExcerpt }) {
  const { from, lines, line, isCurrent, file } = excerpt;
  return (
    <>
      {isCurrent === false && <p class="faint">Edited since: this is the code that ran.</p>}
      <div class="code" role="region" aria-label={`${shown(file)}, line ${line}`} tabIndex={0}>
        <ol start={from}>
          {lines.map((text, i) => (
            <li key={i} value={from + i} aria-current={from + i === line ? 'location' : undefined}>
              <code>{shown(text)}</code>
            </li>
          ))}
        </ol>
      </div>
    </>
  );
}
