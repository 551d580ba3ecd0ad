/** Finds runs, partitions, pages and commands by a text; used by keys alone. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { closeDialog } from '../dialogs';
import { Dialog } from '../parts/dialog';
import { useSearch, type Found } from '../search';
import { plural, shown } from '../words';

/** Typing goes on for this long before the console is asked. */
const PAUSE_MS = 120;

export function SearchDialog() {
  const [text, setText] = useState('');
  const asked = useSettled(text.trim());
  const { groups, isCurrent, problem } = useSearch(asked);
  const all = groups.flatMap(({ found }) => found);
  const [chosen, setChosen] = useState(0);
  const at = Math.min(chosen, all.length - 1);
  const isSettled = asked === text.trim() && (isCurrent || problem !== null);
  // Enter waits for what was typed: it opens nothing that was found for less of it.
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    if (!isWaiting || !isSettled) return;
    setWaiting(false);
    open(all[at]);
  }, [isWaiting, isSettled]);

  const open = (found: Found | undefined): void => {
    if (found === undefined) return;
    closeDialog();
    // The focus goes back to the page first, and what is opened then may take it.
    setTimeout(found.open);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (step !== undefined && all.length > 0) {
      event.preventDefault();
      setChosen((at + step + all.length) % all.length);
    } else if (event.key === 'Enter' && !event.isComposing) {
      event.preventDefault();
      setWaiting(true);
    }
  };
  let position = -1;
  return (
    <Dialog title="Search" onClose={closeDialog}>
      <input
        class="search"
        type="text"
        role="combobox"
        aria-label="Search"
        aria-expanded={all.length > 0}
        aria-controls="found"
        aria-autocomplete="list"
        aria-activedescendant={all.length === 0 ? undefined : optionId(at)}
        placeholder="Runs, partitions, pages, commands"
        autoFocus
        autoComplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setWaiting(false);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="found" class="found" role="listbox" aria-label="Found" aria-busy={!isSettled}>
        {groups.map(({ title, found }) => (
          <div key={title} role="group" aria-label={title}>
            <p class="faint" aria-hidden="true">
              {title}
            </p>
            {found.map((each) => {
              position++;
              return <Option key={position} found={each} position={position} at={at} open={open} />;
            })}
          </div>
        ))}
      </div>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      <p class="faint" role="status">
        {all.length > 0
          ? `${plural(all.length, 'line')}: ↑ ↓ choose, Enter opens`
          : isSettled
            ? `Nothing contains “${shown(asked)}”.`
            : 'Searching …'}
      </p>
    </Dialog>
  );
}

function Option({
  found,
  position,
  at,
  open,
}: {
  found: Found;
  position: number;
  at: number;
  open: (found: Found) => void;
}) {
  const line = useRef<HTMLDivElement>(null);
  const isChosen = position === at;
  useEffect(() => {
    if (isChosen) line.current!.scrollIntoView({ block: 'nearest' });
  }, [isChosen]);
  return (
    <div
      ref={line}
      id={optionId(position)}
      class="option"
      role="option"
      aria-selected={isChosen}
      onClick={() => open(found)}
    >
      <span>{found.label}</span> <span class="faint">{found.detail}</span>
    </div>
  );
}

function optionId(position: number): string {
  return `found-${position}`;
}

/** The text once it has stayed the same for a moment. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
