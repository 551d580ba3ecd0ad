/** One model: its aliases with their steps, its versions, and where to compare them. */
import { useState } from 'preact/hooks';
import { shellWord } from '../../../core/shell-word';
import type { Promotion, VersionView } from '../../..';
import type { ModelAnswer } from '../../wire/models';
import { modelAddress, pageAddress, runAddress } from '../address';
import { Action } from '../parts/action';
import { Facts } from '../parts/facts';
import { useAnswer } from '../parts/use-answer';
import { canChange } from '../project';
import { number, plural, shown, time } from '../words';
import { CompareForm } from './compare-form';
import { PromoteForm } from './promote-form';

const REFRESH_MS = 10_000;

export function ModelPage({ name }: { name: string }) {
  const [changes, setChanges] = useState(0);
  const path = `models/${encodeURIComponent(name)}`;
  const { value, problem } = useAnswer<ModelAnswer>(path, { everyMs: REFRESH_MS, version: changes });
  const onChange = (): void => setChanges((count) => count + 1);
  document.title = shown(`${name} · Partwise`);
  return (
    <>
      <p class="crumbs">
        <a href={pageAddress('/models')}>Models</a> ›
      </p>
      <h1>{shown(name)}</h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {value !== null && (
        <>
          <Facts
            facts={[
              ['trained by', value.model.definition],
              ['key', value.model.keyColumns.join(', ')],
              ['versions', number(value.model.versions)],
              ['newest', String(value.model.latest)],
              ['metrics', value.metrics.join(', ') || 'none'],
            ]}
          />
          <Aliases answer={value} path={path} onChange={onChange} />
          {value.versions.length > 1 && <CompareForm answer={value} />}
          {canChange() && <PromoteForm answer={value} path={path} onChange={onChange} />}
          <Versions name={name} versions={value.versions} />
        </>
      )}
    </>
  );
}

function Aliases({
  answer: { model, history },
  path,
  onChange,
}: {
  answer: ModelAnswer;
  path: string;
  onChange: () => void;
}) {
  if (history.length === 0) return <p class="empty">No alias points at a version yet.</p>;
  return (
    <section class="panel" aria-label="Aliases">
      <h2>Aliases</h2>
      {history.map(({ alias, steps }) => (
        <div key={alias} class="alias">
          <b>{shown(alias)}</b>
          <ol class="steps">
            {steps.map(({ version, at, how }, i) => (
              <li key={i} title={`${how} at ${time(at)}`}>
                <span class="faint" aria-hidden="true">
                  {i === 0 ? '' : how === 'rollback' ? '↩ ' : '→ '}
                </span>
                <a
                  href={modelAddress(model.name, version)}
                  aria-current={i === steps.length - 1 ? 'true' : undefined}
                >
                  {version}
                </a>{' '}
                <span class="faint">{time(at).slice(0, 10)}</span>
              </li>
            ))}
          </ol>
          {canChange() && (
            <Action<Promotion>
              label="Roll back"
              path={`${path}/rollback`}
              body={{ alias }}
              command={`partwise models rollback ${shellWord(model.name)} ${shellWord(alias)}`}
              onDone={onChange}
            />
          )}
        </div>
      ))}
    </section>
  );
}

function Versions({ name, versions }: { name: string; versions: readonly VersionView[] }) {
  return (
    <section class="panel" aria-label="Versions">
      <h2>{plural(versions.length, 'version')}</h2>
      <table class="listing">
        <thead>
          <tr>
            <th class="number">Version</th>
            <th>Aliases</th>
            <th class="number">Models</th>
            <th class="number wide-only">New</th>
            <th class="number wide-only">Base</th>
            <th class="wide-only">Training run</th>
            <th class="wide-only">Description</th>
            <th class="wide-only">Tags</th>
            <th>Created</th>
          </tr>
        </thead>
        <tbody>
          {[...versions].reverse().map((each) => (
            <tr key={each.version}>
              <td class="number">
                <a class="row-link" href={modelAddress(name, each.version)}>
                  {each.version}
                </a>
              </td>
              <td class="whole">{shown(each.aliases.join(', '))}</td>
              <td class="number">{number(each.entries)}</td>
              <td class="number wide-only">{number(each.changed)}</td>
              <td class="number wide-only">{each.base ?? ''}</td>
              <td class="wide-only">
                {each.run === null ? (
                  <span class="faint">a promotion</span>
                ) : (
                  <a href={runAddress(each.run)}>{shown(each.run)}</a>
                )}
              </td>
              <td class="wide-only">{shown(each.description)}</td>
              <td class="wide-only">{shown(tagsText(each.tags))}</td>
              <td>{time(each.createdAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function tagsText(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
}
