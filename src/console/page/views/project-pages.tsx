/** The pages of what a project has besides runs, by address. */
import { pageAddress, path, query } from '../address';
import { project } from '../project';
import { ComparisonPage } from './comparison';
import { ModelPage } from './model';
import { ModelVersionPage } from './model-version';
import { ModelsPage } from './models';
import { PlanPage } from './plan';
import { SchedulePage } from './schedule';
import { SchedulesPage } from './schedules';
import { WorkersPage } from './workers';

const PAGES = [
  ['plan', 'Plan'],
  ['schedules', 'Schedules'],
  ['models', 'Models'],
  ['workers', 'Workers'],
] as const;

export function ProjectLinks() {
  if (project.value?.hasProject !== true) return null;
  return (
    <>
      {PAGES.map(([name, title]) => (
        <a
          key={name}
          href={pageAddress(`/${name}`)}
          aria-current={path.value[0] === name ? 'page' : undefined}
        >
          {title}
        </a>
      ))}
    </>
  );
}

export function isProjectPage(): boolean {
  return PAGES.some(([name]) => name === path.value[0]);
}

export function ProjectPage() {
  const [first, name, part, third] = path.value;
  if (first === 'plan') return <PlanPage />;
  if (first === 'workers') return <WorkersPage />;
  if (first === 'schedules')
    return name === undefined ? <SchedulesPage /> : <SchedulePage key={name} id={name} />;
  if (name === undefined) return <ModelsPage />;
  if (part === 'compare') return <ComparisonPage key={name} name={name} />;
  if (part === 'versions' && third !== undefined)
    return (
      <ModelVersionPage
        key={`${name} ${third}`}
        name={name}
        number={third}
        partition={query.value.get('partition')}
      />
    );
  return <ModelPage key={name} name={name} />;
}
