import { useEffect, useState } from 'preact/hooks';
import type { ProjectInfo } from '../wire/types';
import { chosenExecution, go, otherExecution, pageAddress, path, runAddress } from './address';
import { openDialog } from './dialogs';
import { KeysDialog, listenForKeys } from './keys';
import { project } from './project';
import { problemOf } from './parts/use-answer';
import { ask, file } from './session';
import { nextTheme, theme } from './theme';
import { ComparePage } from './views/compare';
import { ResultsPage } from './views/results';
import { RunsPage } from './views/runs';
import { PartitionPage } from './views/partition';
import { isProjectPage, ProjectLinks, ProjectPage } from './views/project-pages';
import { RunPage } from './views/run';
import { SearchDialog } from './views/search-dialog';
import { ZoneDialog } from './views/zone-dialog';
import { shown, zone } from './words';

const THEME_GLYPHS = { system: '◐', light: '○', dark: '●' } as const;

export function App() {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    ask<ProjectInfo>('project').then(
      (info) => (project.value = info),
      (error: unknown) => setProblem(problemOf(error)),
    );
  }, []);
  useEffect(listenForKeys, []);
  useEffect(() => {
    // Links within the page do not load it again.
    const follow = (event: MouseEvent): void => {
      const link = (event.target as Element).closest('a');
      if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      if (link.origin !== location.origin || link.target !== '' || link.hasAttribute('download')) return;
      event.preventDefault();
      go(link.href);
    };
    document.addEventListener('click', follow);
    return () => document.removeEventListener('click', follow);
  }, []);

  return (
    <>
      <header class="bar">
        {file === null ? (
          <nav aria-label="Pages">
            <a class="brand" href={pageAddress('/')}>
              Partwise
            </a>
            <a href={pageAddress('/')} aria-current={path.value.length === 0 ? 'page' : undefined}>
              Runs
            </a>
            <ProjectLinks />
          </nav>
        ) : (
          <b class="brand">Partwise</b>
        )}
        <span class="push faint" title={projectText(project.value)}>
          {projectText(project.value)}
        </span>
        {project.value?.readOnly === true && <span class="badge">read-only</span>}
        <button
          type="button"
          class="quiet"
          onClick={() => (openDialog.value = 'search')}
          title="Search (Ctrl-K)"
        >
          Search <kbd class="word">Ctrl-K</kbd>
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => (openDialog.value = 'zone')}
          title="Time zone of this page"
        >
          {zone()}
        </button>
        <button type="button" class="quiet" onClick={nextTheme} title="Colours">
          {THEME_GLYPHS[theme.value]} <span class="word">{theme.value}</span>
        </button>
        <button type="button" class="quiet" onClick={() => (openDialog.value = 'keys')} title="Keys (?)">
          ?
        </button>
      </header>
      <main>{problem === null ? <Page /> : <p class="refusal">{problem}</p>}</main>
      <OpenDialog />
    </>
  );
}

/** Whose runs these are, on which server, and who looks at them. */
function projectText(info: ProjectInfo | null): string {
  if (info === null || file !== null) return '';
  const { name, hasProject, source, user } = info;
  const runs = hasProject ? [name, source] : [`${source} ${name}`];
  return [...runs, ...(user === null ? [] : [user])].map(shown).join(' · ');
}

function OpenDialog() {
  const { value } = openDialog;
  if (value === 'search') return <SearchDialog />;
  if (value === 'zone') return <ZoneDialog />;
  return value === 'keys' ? <KeysDialog /> : null;
}

function Page() {
  const [first = file === null ? undefined : 'runs', runId = file?.runId, second, partition] = path.value;
  const { value: execution } = chosenExecution;
  const { value: comparedExecution } = otherExecution;
  if (first === 'runs' && runId !== undefined && second === 'partitions' && partition !== undefined)
    return <PartitionPage key={partition} runId={runId} execution={execution} id={partition} />;
  if (first === 'runs' && runId !== undefined && second === 'results')
    return <ResultsPage runId={runId} execution={execution} />;
  if (first === 'compare' && runId !== undefined && second !== undefined)
    return (
      <ComparePage
        key={path.value.join(' ') + execution + comparedExecution}
        a={{ runId, execution }}
        b={{ runId: second, execution: comparedExecution }}
      />
    );
  if (first === 'runs' && runId !== undefined)
    return <RunPage key={`${runId} ${execution ?? ''}`} runId={runId} execution={execution} />;
  if (isProjectPage()) return <ProjectPage />;
  if (first === undefined || first === 'runs') return <RunsPage />;
  return (
    <>
      <h1>No such page</h1>
      <p class="refusal">
        There is no page “{path.value.join('/')}”.{' '}
        <a href={file === null ? pageAddress('/') : runAddress(file.runId)}>
          {file === null ? 'All runs' : 'The run'}
        </a>
      </p>
    </>
  );
}
