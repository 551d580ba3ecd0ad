/** What a partition uploaded: listed, shown where that is safe, and saved. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ArtifactView } from '../../..';
import type { ArtifactPreview } from '../../wire/types';
import { bytesText } from '../../../display/measures';
import { query, setQuery } from '../address';
import { DataTable } from '../parts/data-table';
import { Save } from '../parts/save';
import { problemOf } from '../parts/use-answer';
import { ask, request } from '../session';
import { number, plural, shown } from '../words';

/** Larger ones are saved, not shown. */
const MAX_SHOWN_BYTES = 1_048_576;

/** Pictures are shown as `<img>`, in which no script of an SVG runs. */
const IMAGES: Readonly<Record<string, string>> = {
  svg: 'image/svg+xml',
  png: 'image/png',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
};

export function ArtifactsPanel({
  path,
  own,
  artifacts,
}: {
  path: string;
  own: string;
  artifacts: readonly ArtifactView[];
}) {
  const wanted = query.value.get('artifact');
  const chosen = artifacts.find(({ name }) => name === wanted) ?? null;
  const load = (name: string): Promise<Response> =>
    request(`${path}/artifact${own === '' ? '?' : `${own}&`}name=${encodeURIComponent(name)}`);
  if (artifacts.length === 0 && wanted === null) return null;
  return (
    <section class="panel" aria-label="Artifacts">
      <h2>
        Artifacts <span class="faint">{plural(artifacts.length, 'file')}</span>
      </h2>
      <ul class="artifacts">
        {artifacts.map(({ name, bytes, sha256 }) => (
          <li key={name}>
            <button
              type="button"
              class="link"
              aria-pressed={chosen?.name === name}
              onClick={() => setQuery({ artifact: chosen?.name === name ? null : name })}
            >
              {shown(name)}
            </button>{' '}
            <span class="faint">
              {bytesText(bytes)}, sha256 {sha256.slice(0, 12)}
            </span>{' '}
            <Save name={name.split('/').at(-1)!} label="Save" load={() => load(name)} />
          </li>
        ))}
      </ul>
      {chosen === null && wanted !== null && (
        <p class="empty">This partition has no artifact “{shown(wanted)}”.</p>
      )}
      {chosen !== null && (
        <Preview key={chosen.name} path={`${path}/preview${own}`} artifact={chosen} load={load} />
      )}
    </section>
  );
}

type Content =
  /** What is read whole has been compared with its digest. */
  | { kind: 'text'; text: string }
  | { kind: 'image'; url: string }
  | { kind: 'table'; table: NonNullable<ArtifactPreview['table']>; checked: boolean }
  | { kind: 'none'; why: string };

type Load = (name: string) => Promise<Response>;

function Preview({ path, artifact, load }: { path: string; artifact: ArtifactView; load: Load }) {
  const [content, setContent] = useState<Content | null>(null);
  const place = useRef<HTMLDivElement>(null);
  // One key leads from partition to partition, each with this artifact.
  useEffect(() => {
    if (content !== null) place.current?.scrollIntoView({ block: 'nearest' });
  }, [content]);
  useEffect(() => {
    let url: string | null = null;
    let isGone = false;
    void contentOf(path, artifact, load)
      .catch((error: unknown): Content => ({ kind: 'none', why: problemOf(error) }))
      .then((found) => {
        if (found.kind === 'image') url = found.url;
        if (isGone && url !== null) URL.revokeObjectURL(url);
        else setContent(found);
      });
    return () => {
      isGone = true;
      if (url !== null) URL.revokeObjectURL(url);
    };
  }, []);
  return (
    <div ref={place} class="preview">
      {content === null ? (
        <div class="shape strip-shape" role="img" aria-label="Loading" />
      ) : (
        <Shown content={content} name={artifact.name} />
      )}
    </div>
  );
}

function Shown({ content, name }: { content: Content; name: string }) {
  if (content.kind === 'none') return <p class="empty">{shown(content.why)}</p>;
  const isChecked = content.kind !== 'table' || content.checked;
  return (
    <>
      {content.kind === 'image' && <img class="artifact" src={content.url} alt={shown(name)} />}
      {content.kind === 'text' && <pre tabIndex={0}>{shown(content.text)}</pre>}
      {content.kind === 'table' && <DataTable columns={content.table.columns} rows={content.table.rows} />}
      <p class="faint">
        {content.kind === 'table' &&
          content.table.more &&
          `The first ${number(content.table.rows.length)} rows. `}
        {isChecked
          ? 'Checked: the file has the recorded sha256.'
          : 'Only a part was read, so its sha256 was not checked.'}
      </p>
    </>
  );
}

async function contentOf(path: string, { name, bytes }: ArtifactView, load: Load): Promise<Content> {
  if (bytes === 0) return { kind: 'none', why: 'The file is empty.' };
  const { kind, table, checked } = await ask<ArtifactPreview>(path, { body: { name } });
  if (table !== null) return { kind: 'table', table, checked };
  const type = IMAGES[kind];
  if (kind === 'binary')
    return { kind: 'none', why: 'This kind of file cannot be previewed; save it instead.' };
  if (bytes > MAX_SHOWN_BYTES)
    return {
      kind: 'none',
      why: `Files larger than ${bytesText(MAX_SHOWN_BYTES)} are not shown here; save it instead.`,
    };
  const content = await (await load(name)).arrayBuffer();
  if (type !== undefined) return { kind: 'image', url: URL.createObjectURL(new Blob([content], { type })) };
  const text = new TextDecoder().decode(content);
  return { kind: 'text', text: kind === 'json' ? indented(text) : text };
}

/** Digits stay as they are: only white space is added. */
function indented(json: string): string {
  let depth = 0;
  return json.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|\s+/g, (token) => {
    if (token.startsWith('"')) return token;
    if (/^\s/.test(token)) return '';
    if (token === ':') return ': ';
    if (token === ',') return `,\n${'  '.repeat(depth)}`;
    if (token === '{' || token === '[') return `${token}\n${'  '.repeat(++depth)}`;
    return `\n${'  '.repeat(--depth)}${token}`;
  });
}
