/** The form of a plan: in the address, as the input of a run, and as a command. Pure. */
import { columnNames } from '../../core/column-names';
import { parseJsonAsTyped } from '../../core/exact-json';
import { shellWord } from '../../core/shell-word';

export const SOURCES = ['table', 'query', 'files'] as const;

/** Texts as they were typed; empty ones are not part of the run. */
export interface PlanForm {
  function: string;
  sql: string;
  from: (typeof SOURCES)[number];
  source: string;
  by: string;
  where: string;
  /** Lines such as `name=value`, where the value is JSON or text. */
  params: string;
  scheduledTime: string;
  timeZone: string;
  /** For a model's `train`: name to register it under. */
  as: string;
  /** For a model's `predict`: `MODEL` or `MODEL@VERSION`. */
  model: string;
  holdout: string;
  maxConcurrency: string;
  toleratedFailures: string;
}

const EMPTY: PlanForm = {
  function: '',
  sql: '',
  from: 'table',
  source: '',
  by: '',
  where: '',
  params: '',
  scheduledTime: '',
  timeZone: '',
  as: '',
  model: '',
  holdout: '',
  maxConcurrency: '',
  toleratedFailures: '',
};

/** The built-in function that runs a query. */
export const SQL = 'sql';

export function formOf(query: URLSearchParams): PlanForm {
  const form = { ...EMPTY };
  for (const name of Object.keys(EMPTY) as (keyof PlanForm)[]) {
    const value = query.get(name);
    if (value === null) continue;
    if (name !== 'from') form[name] = value;
    else form.from = SOURCES.find((each) => each === value) ?? 'table';
  }
  return form;
}

/** Parameters of the address; null removes one. */
export function queryOf(form: PlanForm): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      value === EMPTY[name as keyof PlanForm] ? null : value,
    ]),
  );
}

/** Unchecked: the library reports what is wrong with it. */
export function inputOf(form: PlanForm): Record<string, unknown> {
  const [modelName, version] = splitVersion(form.model);
  const model = given({ name: modelName, version, holdout: form.holdout });
  const options = given({
    maxConcurrency: numberOr(form.maxConcurrency),
    toleratedFailures: numberOr(form.toleratedFailures),
  });
  return given({
    function: form.function,
    sql: form.function === SQL ? form.sql : '',
    source: { [form.from]: form.source },
    partitionBy: form.by === '' ? undefined : columnNames([form.by]),
    where: form.where,
    params: form.params === '' ? undefined : Object.fromEntries(pairsOf(form.params)),
    scheduledTime: form.scheduledTime,
    timeZone: form.timeZone,
    output: form.as === '' ? undefined : { model: form.as },
    model: Object.keys(model).length === 0 ? undefined : model,
    options: Object.keys(options).length === 0 ? undefined : options,
  });
}

/** `partwise run …`, or another command with the same options. */
export function commandOf(command: 'run' | 'plan', form: PlanForm, runId = ''): string {
  const flag = (name: string, value: string): string[] => (value === '' ? [] : [name, shellWord(value)]);
  return [
    `partwise ${command}`,
    ...(form.function === SQL ? flag('--sql', form.sql) : flag('', form.function).slice(1)),
    ...flag('--from', form.from === 'query' && form.source !== '' ? `query:${form.source}` : form.source),
    ...flag('--by', form.by),
    ...flag('--where', form.where),
    ...linesOf(form.params).flatMap((line) => flag('--param', line)),
    ...flag('--scheduled-time', form.scheduledTime),
    ...flag('--time-zone', form.timeZone),
    ...flag('--as', form.as),
    ...flag('--model', form.model),
    ...flag('--holdout', form.holdout),
    ...flag('--max-concurrency', form.maxConcurrency),
    ...flag('--tolerated-failures', form.toleratedFailures),
    ...flag('--run-id', runId),
  ].join(' ');
}

function linesOf(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/** Like the command line: JSON without losing digits, else text; a name alone is true. */
function pairsOf(text: string): (readonly [string, unknown])[] {
  return linesOf(text).map((line) => {
    const [, name = line, value = 'true'] = /^([^=]*)=(.*)$/s.exec(line) ?? [];
    try {
      return [name, parseJsonAsTyped(value)] as const;
    } catch {
      return [name, value] as const;
    }
  });
}

function splitVersion(model: string): [string, string | number] {
  const [name = '', version = ''] = model.split('@', 2);
  return [name, /^\d+$/.test(version) ? Number(version) : version];
}

/** What is no number stays text, which the library then refuses. */
function numberOr(text: string): string | number {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function given(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== '' && value !== undefined),
  );
}
