/** Settings of a run that can be changed while it runs or with a retry, as fields. Empty: as before. */
import { shellWord } from '../../../core/shell-word';
import type { RetrySettings } from '../../wire/types';

type Name = keyof RetrySettings;

/** What was typed, by setting. */
export type SettingTexts = Readonly<Partial<Record<Name, string>>>;

interface Setting {
  label: string;
  flag: string;
  /** A text is left to the library, which says what is wrong with it. */
  parse: (text: string) => number | string;
}

const SETTINGS: Readonly<Record<Name, Setting>> = {
  maxConcurrency: { label: 'Units at a time', flag: '--max-concurrency', parse: Number },
  toleratedFailures: {
    label: 'Partitions that may fail',
    flag: '--tolerated-failures',
    parse: (text) => (/^\d+$/.test(text) ? Number(text) : text),
  },
  timeout: { label: 'Time for one call', flag: '--timeout', parse: (text) => text },
};

export function SettingFields({
  names,
  texts,
  setTexts,
  placeholder,
}: {
  names: readonly Name[];
  texts: SettingTexts;
  setTexts: (texts: SettingTexts) => void;
  placeholder?: string;
}) {
  return (
    <>
      {names.map((name) => (
        <label key={name}>
          {SETTINGS[name].label}{' '}
          <input
            placeholder={placeholder}
            value={texts[name] ?? ''}
            onInput={(event) => setTexts({ ...texts, [name]: event.currentTarget.value.trim() })}
          />
        </label>
      ))}
    </>
  );
}

/** The settings that were typed. */
export function settingsOf(texts: SettingTexts): RetrySettings {
  return Object.fromEntries(typed(texts).map(([name, text]) => [name, SETTINGS[name].parse(text)]));
}

/** The same as flags of a command, each with a space before it. */
export function settingFlags(texts: SettingTexts): string {
  return typed(texts)
    .map(([name, text]) => ` ${SETTINGS[name].flag} ${shellWord(text)}`)
    .join('');
}

function typed(texts: SettingTexts): [Name, string][] {
  return (Object.entries(texts) as [Name, string][]).filter(([, text]) => text !== '');
}
