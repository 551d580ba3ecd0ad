/** What the search finds: it goes somewhere or opens a dialog, and never changes a run itself. */
import type { ModelListing, RunPage, ScheduleListing } from '../..';
import type { TableAnswer, TableQuery } from '../wire/types';
import { go, modelAddress, pageAddress, path, query, runAddress, scheduleAddress } from './address';
import { openDialog } from './dialogs';
import { nameOf } from './parts/partition-name';
import { useAnswer, type Answer } from './parts/use-answer';
import { project } from './project';
import { file, hasPartitionPage } from './session';
import { nextTheme } from './theme';
import { GLYPHS, plural, shown } from './words';

export interface Found {
  label: string;
  detail?: string;
  open: () => void;
}

export interface FoundGroup {
  title: string;
  found: Found[];
}

/** Found runs and partitions that are listed; a last line leads to all of them. */
const MAX_LISTED = 8;

/** In `main`, what opens a dialog or a form has this attribute; its value is a name if its text is none. */
const COMMAND = 'data-command';

/** Everything that matches the text, in the order in which it is listed. */
export function useSearch(text: string): {
  groups: FoundGroup[];
  isCurrent: boolean;
  problem: string | null;
} {
  const hasProject = project.value?.hasProject === true;
  const runs = useAsked<RunPage>(file === null ? runsPath(text) : null);
  const [runId, partitions] = usePartitions(text);
  const schedules = useAsked<ScheduleListing[]>(hasProject ? 'schedules' : null);
  const models = useAsked<ModelListing[]>(hasProject ? 'models' : null);
  const matching = (found: Found[]): Found[] => found.filter(({ label }) => matches(label, text));
  const groups: FoundGroup[] = [
    { title: 'Pages', found: matching(pages(hasProject)) },
    { title: 'On this page', found: matching(commands()) },
    {
      title: runId === null ? 'Partitions' : `Partitions of ${shown(runId)}`,
      found:
        runId === null || partitions.value === null ? [] : foundPartitions(runId, text, partitions.value),
    },
    { title: text === '' ? 'Latest runs' : 'Runs', found: foundRuns(text, runs.value) },
    {
      title: 'Schedules',
      found: matching(
        (text === '' ? [] : (schedules.value ?? [])).map(({ id, function: name }) => ({
          label: shown(id),
          detail: shown(name ?? ''),
          open: () => go(scheduleAddress(id)),
        })),
      ),
    },
    {
      title: 'Models',
      found: matching(
        (text === '' ? [] : (models.value ?? [])).map(({ name, versions }) => ({
          label: shown(name),
          detail: plural(versions, 'version'),
          open: () => go(modelAddress(name)),
        })),
      ),
    },
  ];
  const asked = [runs, partitions, schedules, models];
  return {
    groups: groups.filter(({ found }) => found.length > 0),
    isCurrent: asked.every(({ isCurrent }) => isCurrent),
    problem: asked.find(({ problem }) => problem !== null)?.problem ?? null,
  };
}

/** Nothing, where nothing is asked. */
function useAsked<T>(path: string | null, body?: unknown): Answer<T> {
  const answer = useAnswer<T>(path, { body });
  return path === null ? { value: null, problem: null, isCurrent: true } : answer;
}

/** Each word is somewhere in the label. */
function matches(label: string, text: string): boolean {
  const lower = label.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

function pages(hasProject: boolean): Found[] {
  if (file !== null) return [];
  const page = (label: string, address: string): Found => ({ label, open: () => go(pageAddress(address)) });
  return [
    page('Runs', '/'),
    ...(hasProject
      ? [
          page('Plan a run', '/plan'),
          page('Schedules', '/schedules'),
          page('Models', '/models'),
          page('Workers', '/workers'),
        ]
      : []),
  ];
}

/** What the page below the search opens, and what every page has. */
function commands(): Found[] {
  const own = [...document.querySelectorAll<HTMLElement>(`main [${COMMAND}]`)].map((element) => ({
    label: element.getAttribute(COMMAND) || element.textContent,
    open: () => press(element),
  }));
  return [
    ...own,
    { label: 'Colours: system, light, dark', detail: 't', open: nextTheme },
    { label: 'Time zone …', open: () => (openDialog.value = 'zone') },
    { label: 'Keys', detail: '?', open: () => (openDialog.value = 'keys') },
  ];
}

function press(element: HTMLElement): void {
  element.scrollIntoView({ block: 'nearest' });
  element.focus();
  const { parentElement: form } = element;
  if (form instanceof HTMLDetailsElement) form.open = true;
  else element.click();
}

function runsPath(text: string): string {
  const parameters = new URLSearchParams({ limit: String(MAX_LISTED) });
  if (text !== '') parameters.set('text', text);
  return `runs?${parameters}`;
}

function foundRuns(text: string, page: RunPage | null): Found[] {
  const found = (page?.runs ?? []).map(({ runId, status, function: name }): Found => ({
    label: shown(runId),
    detail: `${GLYPHS[status]} ${status}${name === null ? '' : ` · ${shown(name)}`}`,
    open: () => go(runAddress(runId)),
  }));
  if (text !== '' && page?.next != null)
    found.push({ label: 'More runs …', open: () => go(pageAddress(`/?${new URLSearchParams({ text })}`)) });
  return found;
}

/** Partitions of the run that is open, whichever of its pages is looked at. */
function usePartitions(text: string) {
  const runId = file?.runId ?? (path.value[0] === 'runs' ? (path.value[1] ?? null) : null);
  const execution = query.value.get('execution');
  const own = execution === null ? '' : `?${new URLSearchParams({ execution })}`;
  const asked: TableQuery = {
    filter: { text },
    sort: { column: 'key', descending: false },
    offset: 0,
    limit: MAX_LISTED,
  };
  const isAsked = runId !== null && text !== '';
  const answer = useAsked<TableAnswer>(
    isAsked ? `runs/${encodeURIComponent(runId)}/table${own}` : null,
    isAsked ? asked : undefined,
  );
  return [isAsked ? runId : null, answer] as const;
}

function foundPartitions(runId: string, text: string, { rows, selected }: TableAnswer): Found[] {
  const execution = query.value.get('execution');
  const address = (id: string | undefined, parameters: Record<string, string>): string => {
    const search = new URLSearchParams({ ...parameters, ...(execution !== null && { execution }) });
    return `${runAddress(runId, id)}${search.size === 0 ? '' : `?${search}`}`;
  };
  const found = rows.map((row): Found => ({
    label: nameOf(row),
    detail: `${GLYPHS[row.status]} ${row.status}`,
    // In a file, most partitions are only a row of the table.
    open: () =>
      go(
        row.id !== null && hasPartitionPage(row.id)
          ? address(row.id, {})
          : address(undefined, { ordinals: `${row.ordinal}-${row.ordinal + 1}` }),
      ),
  }));
  if (selected > rows.length)
    found.push({
      label: `All ${plural(selected, 'partition')} in the table`,
      open: () => go(address(undefined, { q: text })),
    });
  return found;
}
