/** One version of a model: what it is, and its partitions with their metrics. */
import { useState } from 'preact/hooks';
import { partitionName } from '../../../core/partition-name';
import { shellWord } from '../../../core/shell-word';
import { bytesText } from '../../../display/measures';
import type { ModelEntry, VersionView } from '../../..';
import type { VersionAnswer } from '../../wire/models';
import { go, modelAddress, pageAddress, query, runAddress, setQuery } from '../address';
import { Action } from '../parts/action';
import { DeleteByName } from '../parts/delete-by-name';
import { Facts } from '../parts/facts';
import { MetricValue } from '../parts/metric';
import { useAnswer } from '../parts/use-answer';
import { canChange } from '../project';
import { number, shown, time } from '../words';
import { tagsText } from './model';

export function ModelVersionPage({
  name,
  number: wanted,
  partition,
}: {
  name: string;
  number: string;
  partition: string | null;
}) {
  const [changes, setChanges] = useState(0);
  const path = `models/${encodeURIComponent(name)}/versions/${encodeURIComponent(wanted)}`;
  const parameters = new URLSearchParams();
  const after = query.value.get('after');
  if (partition !== null) parameters.set('partition', partition);
  else if (after !== null) parameters.set('after', after);
  const { value, problem } = useAnswer<VersionAnswer>(`${path}?${parameters}`, { version: changes });
  document.title = shown(`${name} ${wanted} · Partwise`);
  return (
    <>
      <p class="crumbs">
        <a href={pageAddress('/models')}>Models</a> › <a href={modelAddress(name)}>{shown(name)}</a> ›
      </p>
      <h1>
        {shown(name)} {shown(wanted)}
      </h1>
      {problem !== null && <p class="refusal">{shown(problem)}</p>}
      {value === null && problem === null && <div class="shape table-shape" aria-label="Loading" />}
      {value !== null && (
        <>
          <VersionFacts version={value.version} />
          {canChange() && (
            <>
              <TagForm version={value.version} path={path} onChange={() => setChanges((n) => n + 1)} />
              <DeleteByName
                what="The version is deleted for good. Its models stay on the stage until partwise clean removes those that no other version needs."
                name={`${name}@${wanted}`}
                path={`${path}/delete`}
                command={`partwise models delete ${shellWord(`${name}@${wanted}`)} --yes`}
                onDone={() => go(modelAddress(name))}
              />
            </>
          )}
          <div class="filters">
            <label>
              Partition{' '}
              <input
                type="search"
                value={partition ?? ''}
                placeholder="id"
                onChange={(event) =>
                  setQuery({ partition: event.currentTarget.value.trim() || null, after: null })
                }
              />
            </label>
          </div>
          {value.entries.length === 0 ? (
            <p class="empty">
              {partition === null
                ? 'The version has no models.'
                : 'This version has no model for the partition.'}
            </p>
          ) : (
            <Entries entries={value.entries} />
          )}
          <p class="pager">
            {partition === null && after !== null && (
              <button type="button" onClick={() => setQuery({ after: null }, { push: true })}>
                First
              </button>
            )}
            {value.next !== null && (
              <button type="button" onClick={() => setQuery({ after: value.next }, { push: true })}>
                Next
              </button>
            )}
          </p>
        </>
      )}
    </>
  );
}

function VersionFacts({ version }: { version: VersionView }) {
  const { aliases, entries, changed, base, run, description, tags, createdAt } = version;
  return (
    <>
      <Facts
        facts={[
          ...(aliases.length === 0 ? [] : [['aliases', aliases.join(', ')] as const]),
          ['models', number(entries)],
          ['new in it', number(changed)],
          ...(base === null ? [] : [['the others are of version', String(base)] as const]),
          ['created', time(createdAt)],
          ...(Object.keys(tags).length === 0 ? [] : [['tags', tagsText(tags)] as const]),
        ]}
      />
      {description !== '' && <p>{shown(description)}</p>}
      <p>
        {run === null ? (
          'Created by a promotion.'
        ) : (
          <>
            Trained by <a href={runAddress(run)}>{shown(run)}</a>.
          </>
        )}
      </p>
    </>
  );
}

function TagForm({ version, path, onChange }: { version: VersionView; path: string; onChange: () => void }) {
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const [description, setDescription] = useState(version.description);
  const isDescribed = description !== version.description;
  const body = {
    ...(isDescribed && { description }),
    ...(name !== '' && { tags: { [name]: value === '' ? null : value } }),
  };
  const reference = shellWord(`${version.model}@${version.version}`);
  const tag = name === '' ? '' : ` ${shellWord(value === '' ? name : `${name}=${value}`)}`;
  const described = isDescribed ? ` --description ${shellWord(description)}` : '';
  return (
    <details class="form">
      <summary data-command="">Tag …</summary>
      <div class="filters">
        <label>
          Tag <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          ={' '}
          <input
            value={value}
            placeholder="empty: removed"
            onInput={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <label>
          Description{' '}
          <input value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        </label>
        <Action
          label="Save"
          path={`${path}/tag`}
          body={body}
          command={`partwise models tag ${reference}${tag}${described}`}
          disabled={Object.keys(body).length === 0}
          onDone={() => {
            setName('');
            setValue('');
            onChange();
          }}
        />
      </div>
    </details>
  );
}

function Entries({ entries }: { entries: readonly ModelEntry[] }) {
  const metrics = [...new Set(entries.flatMap((entry) => Object.keys(entry.metrics)))];
  return (
    <div class="sideways" tabIndex={0} role="group" aria-label="Models">
      <table>
        <thead>
          <tr>
            <th>Partition</th>
            {metrics.map((metric) => (
              <th key={metric} class="number">
                {shown(metric)}
              </th>
            ))}
            <th class="number wide-only">Rows</th>
            <th class="number wide-only">Size</th>
            <th class="wide-only">Holdout</th>
            <th class="wide-only">Trained by</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(
            ({ partition, metrics: values, rows, bytes, holdout, run, trainedWith, snapshotTime }) => (
              <tr key={partition}>
                <td>
                  <a class="row-link" href={runAddress(run, partition)}>
                    {shown(partitionName(partition))}
                  </a>
                </td>
                {metrics.map((metric) => (
                  <MetricValue key={metric} value={values[metric] ?? null} />
                ))}
                <td class="number wide-only">{number(rows)}</td>
                <td class="number wide-only" title={`${number(bytes)} bytes`}>
                  {bytesText(bytes)}
                </td>
                <td class="wide-only">
                  {holdout === null ? <span class="faint">training rows</span> : shown(holdout)}
                </td>
                <td
                  class="wide-only"
                  title={`rows of ${time(snapshotTime)}${trainedWith === undefined ? '' : `, ${shown(trainedWith)}`}`}
                >
                  <a href={runAddress(run)}>{shown(run)}</a>
                </td>
              </tr>
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}
