/** The page's time zone: of the browser, UTC, or any other. */
import { useState } from 'preact/hooks';
import { closeDialog } from '../dialogs';
import { Dialog } from '../parts/dialog';
import { BROWSER_ZONE, setZone, zone } from '../words';
import { offsetOf, zoneNamed } from '../zones';

export function ZoneDialog() {
  const [text, setText] = useState(zone());
  const [unknown, setUnknown] = useState<string | null>(null);
  const choose = (name: string): void => {
    const chosen = zoneNamed(name);
    if (chosen === null) return setUnknown(name);
    setZone(chosen);
    closeDialog();
  };
  const now = new Date().toISOString();
  return (
    <Dialog title="Time zone" onClose={closeDialog}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          choose(text.trim());
        }}
      >
        <label>
          All times of this page are in{' '}
          <input
            list="zones"
            autoFocus
            value={text}
            onFocus={(event) => event.currentTarget.select()}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <datalist id="zones">
          {Intl.supportedValuesOf('timeZone').map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        {unknown !== null && (
          <p class="refusal" role="alert">
            “{unknown}” is not a time zone. Write its name as in the list, such as Europe/Berlin, or UTC.
          </p>
        )}
        <p class="actions">
          <button type="submit">Use it</button>
          <button type="button" onClick={() => choose(BROWSER_ZONE)}>
            This browser: {BROWSER_ZONE}, {offsetOf(now, BROWSER_ZONE)}
          </button>
          <button type="button" onClick={() => choose('UTC')}>
            UTC
          </button>
          <button type="button" onClick={closeDialog}>
            Close
          </button>
        </p>
      </form>
    </Dialog>
  );
}
