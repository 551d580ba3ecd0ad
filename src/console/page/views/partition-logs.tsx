/** What a partition's calls printed. */
import type { LogEntry } from '../../..';
import { useAnswer } from '../parts/use-answer';
import { plural, shown, time } from '../words';

const REFRESH_MS = 2_000;

export function LogsPanel({ path, isOpen }: { path: string; isOpen: boolean }) {
  const { value: lines, problem } = useAnswer<LogEntry[]>(path, { everyMs: isOpen ? REFRESH_MS : 0 });
  return (
    <section class="panel" aria-label="Logs">
      <h2>Logs {lines !== null && <span class="faint">{plural(lines.length, 'line')}</span>}</h2>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {lines !== null && lines.length === 0 && <p class="empty">Nothing was printed.</p>}
      {lines !== null && lines.length > 0 && (
        <ol class="log" tabIndex={0}>
          {lines.map(({ at, stream, text, execution, attempt }, i) => (
            <li
              key={i}
              class={stream}
              id={`L${i + 1}`}
              title={`${time(at)}, execution ${execution}, attempt ${attempt}, ${stream}`}
            >
              {shown(text)}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
