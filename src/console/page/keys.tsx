/** What keys do on every page, and the list of them. No key changes a run. */
import { FAILURE_STATUSES } from '../../core/status';
import { go, pageAddress, path } from './address';
import { closeDialog, openDialog } from './dialogs';
import { filter, setStatuses } from './filter';
import { Dialog } from './parts/dialog';
import { nextTheme } from './theme';
import { nextZone } from './words';

const LIST: readonly (readonly [keys: string, what: string])[] = [
  ['?', 'this list'],
  ['Ctrl-K', 'search runs, partitions, pages and commands (⌘K)'],
  ['g r', 'all runs'],
  ['g p', 'plan a run'],
  ['g s', 'schedules'],
  ['g m', 'models'],
  ['g w', 'workers'],
  ['/', 'find'],
  ['j k', 'next and previous row'],
  ['Enter', 'open the row'],
  ['f', 'failures only, or all partitions again'],
  ['] [', 'next and previous failure; of a partition, its neighbours'],
  ['x', 'select the row'],
  ['X', 'select the rows from the last selected one'],
  ['t', 'colours: system, light, dark'],
  ['z', 'time zone: of this browser, or UTC'],
  ['← → ↑ ↓', 'in the map: move, with Shift select; Enter opens or selects, + and - zoom, 0 shows all'],
  ['← → ↑ ↓', 'in the timeline: from unit to unit; Enter selects its partitions, + - 0 as in the map'],
  ['← →', 'on an edge of the line or histogram: move it; Enter selects, Esc shows all'],
  ['Esc', 'leave a field, or this list'],
];

/** How long after `g` its second key may come. */
const SECOND_KEY_MS = 1_500;

const ROWS = '.grid-row, .row-link, table.runs tbody a';

/** Listens until the returned function is called. */
export function listenForKeys(): () => void {
  let afterG = -Infinity;
  const listen = (event: KeyboardEvent): void => {
    const { key, target, timeStamp } = event;
    if (event.altKey || event.defaultPrevented) return;
    const isSearch = (event.ctrlKey || event.metaKey) && key.toLowerCase() === 'k';
    // Browsers search the web.
    if (isSearch) event.preventDefault();
    else if (event.ctrlKey || event.metaKey) return;
    if (document.querySelector('dialog[open]') !== null) return;
    if (isSearch) {
      openDialog.value = 'search';
      return;
    }
    if (isField(target)) {
      if (key !== 'Escape') return;
      // Browsers empty a search field.
      event.preventDefault();
      target.blur();
      return;
    }
    const isSecond = timeStamp - afterG < SECOND_KEY_MS;
    afterG = key === 'g' ? timeStamp : -Infinity;
    const act = isSecond ? PAGES[key] : (ACTS[key] ?? declared(key));
    if (act === undefined) return;
    event.preventDefault();
    act();
  };
  document.addEventListener('keydown', listen);
  return () => document.removeEventListener('keydown', listen);
}

type Acts = Readonly<Record<string, (() => void) | undefined>>;

const PAGES: Acts = {
  r: () => go(pageAddress('/')),
  p: () => go(pageAddress('/plan')),
  s: () => go(pageAddress('/schedules')),
  m: () => go(pageAddress('/models')),
  w: () => go(pageAddress('/workers')),
};

const ACTS: Acts = {
  '?': () => (openDialog.value = 'keys'),
  j: () => step(1),
  k: () => step(-1),
  x: () => select({ shiftKey: false }),
  X: () => select({ shiftKey: true }),
  f: () => {
    if (path.value[0] !== 'runs') return;
    const chosen = filter.value.status ?? [];
    setStatuses(chosen.join() === FAILURE_STATUSES.join() ? [] : FAILURE_STATUSES);
  },
  t: nextTheme,
  z: nextZone,
};

/** What the page itself has for this key: it names it in `data-key`. Fields get the focus, the rest a click. */
function declared(key: string): (() => void) | undefined {
  const element = document.querySelector<HTMLElement>(`[data-key=${JSON.stringify(key)}]`);
  if (element === null) return undefined;
  return () => (isField(element) ? element.focus() : element.click());
}

/** Focuses the next row in this direction; the first one if none has the focus. */
function step(by: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(ROWS)];
  const from = document.activeElement;
  const following =
    from === null || !from.matches(ROWS)
      ? all[0]
      : by === 1
        ? all.find((row) => isBefore(from, row))
        : all.findLast((row) => isBefore(row, from));
  following?.focus();
  following?.scrollIntoView({ block: 'nearest' });
}

/** Clicks the box of the row that has the focus. */
function select({ shiftKey }: { shiftKey: boolean }): void {
  const box = document.activeElement?.parentElement?.querySelector(':scope > input[type=checkbox]');
  box?.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, shiftKey }));
}

function isBefore(a: Node, b: Node): boolean {
  return (a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
}

function isField(
  target: EventTarget | null,
): target is HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  return target instanceof Element && target.matches('input, select, textarea');
}

export function KeysDialog() {
  return (
    <Dialog title="Keys" onClose={closeDialog}>
      <table class="keys">
        <tbody>
          {LIST.map(([keys, what]) => (
            <tr key={what}>
              <th scope="row">
                {keys.split(' ').map((each) => (
                  <kbd key={each}>{each}</kbd>
                ))}
              </th>
              <td>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="actions">
        <button type="button" onClick={closeDialog}>
          Close
        </button>
      </p>
    </Dialog>
  );
}
