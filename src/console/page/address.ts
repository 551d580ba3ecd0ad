/**
 * The page's address. Everything that is looked at is in it, so that it can be kept, sent and gone back to.
 */
import { computed, signal } from '@preact/signals';
import { DATA_ID } from '../wire/export';

/** In an exported file, the same address follows the `#`: the rest of its address is the file's. */
const isInHash = document.getElementById(DATA_ID) !== null;

/** The path below which the console is served, without the last slash: this script is in its `assets/`. */
export const basePath = isInHash ? '' : new URL('..', import.meta.url).pathname.slice(0, -1);

const PREFIX = isInHash ? '#' : basePath;

const current = signal(read());
addEventListener('popstate', () => (current.value = read()));

function read(): URL {
  return isInHash ? new URL(location.hash.slice(1), 'http://file/') : new URL(location.href);
}

/** What only depends on the path, or on one parameter, is not drawn again when another one changes. */
const pathname = computed(() => current.value.pathname);

/** Decoded parts of the path below the console's own: `/runs/a%2Fb` → `['runs', 'a/b']`. */
export const path = computed(() =>
  pathname.value
    .slice(basePath.length)
    .split('/')
    .filter((part) => part !== '')
    .map(decoded),
);

/** What is no valid encoding is a part as it stands: there is no such page. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const query = computed(() => current.value.searchParams);

/** The execution of a run that is looked at; null: the latest. */
export const chosenExecution = computed(() => query.value.get('execution'));
/** The execution of the run that it is compared with; null: the latest. */
export const otherExecution = computed(() => query.value.get('otherExecution'));

/** Goes to another page, in the same time zone. `to`: an address as the functions below make them. */
export function go(to: string): void {
  const zone = query.value.get('tz');
  history.pushState(null, '', to);
  if (zone !== null && !read().searchParams.has('tz')) {
    current.value = read();
    setQuery({ tz: zone });
  }
  current.value = read();
  scrollTo(0, 0);
}

/** Sets parameters of the address, or removes those that are null; unknown ones are kept. */
export function setQuery(changes: Readonly<Record<string, string | null>>, { push = false } = {}): void {
  const next = new URL(current.value);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  if (next.href === current.value.href) return;
  // What else is behind the `#` when the page is opened is the token, which is not shown again.
  const to = `${isInHash ? '#' : ''}${next.pathname}${next.search}`;
  if (push) history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  current.value = next;
}

/** Address of a page, such as `/models`. */
export function pageAddress(page: string): string {
  return `${PREFIX}${page}`;
}

/** Address of a run, or of one of its partitions. */
export function runAddress(runId: string, partition?: string): string {
  const run = pageAddress(`/runs/${encodeURIComponent(runId)}`);
  return partition === undefined ? run : `${run}/partitions/${encodeURIComponent(partition)}`;
}

export function scheduleAddress(id: string): string {
  return pageAddress(`/schedules/${encodeURIComponent(id)}`);
}

/** Address of a model, or of one of its versions. */
export function modelAddress(name: string, version?: number | string): string {
  const model = pageAddress(`/models/${encodeURIComponent(name)}`);
  return version === undefined ? model : `${model}/versions/${version}`;
}

/** A run, or one execution of it by Temporal's run id. */
export interface RunToCompare {
  runId: string;
  execution: string | null;
}

export function runComparisonAddress(a: RunToCompare, b: RunToCompare): string {
  const path = `/compare/${encodeURIComponent(a.runId)}/${encodeURIComponent(b.runId)}`;
  return `${pageAddress(path)}${executionsQuery(a, b)}`;
}

export function executionsQuery(a: RunToCompare, b: RunToCompare): string {
  const parameters = new URLSearchParams();
  if (a.execution !== null) parameters.set('execution', a.execution);
  if (b.execution !== null) parameters.set('otherExecution', b.execution);
  return parameters.size === 0 ? '' : `?${parameters}`;
}

export function comparisonAddress(
  name: string,
  { a, b, metric, higher }: { a: number; b: number; metric: string; higher: boolean },
): string {
  const parameters = new URLSearchParams({ a: String(a), b: String(b), metric });
  if (higher) parameters.set('higher', 'true');
  return `${modelAddress(name)}/compare?${parameters}`;
}

/** Parameters of one partition, which mean nothing on another page. */
const OWN = ['line', 'artifact'] as const;

/**
 * The parameters of the current address, to take them along; empty or from the question mark on. `also`: one
 * of a partition's own that is wanted for another partition.
 */
export function currentQuery(also?: (typeof OWN)[number]): string {
  const isKept = (name: string): boolean => name === also || !OWN.some((own) => own === name);
  const kept = new URLSearchParams([...query.value].filter(([name]) => isKept(name))).toString();
  return kept === '' ? '' : `?${kept}`;
}
