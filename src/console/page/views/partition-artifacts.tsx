/** What a partition uploaded: listed, shown where that is safe, and saved. */
import { useEffect, useState } from 'preact/hooks';
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
  const chosen = artifacts.find(({ name }) => name === query.value.get('artifact')) ?? null;
  const load = (name: string): Promise<Response> =>
    request(`${path}/artifact${own === '' ? '?' : `${own}&`}name=${encodeURIComponent(name)}`);
  if (artifacts.length === 0) return null;
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
      {chosen !== null && (
        <Preview key={chosen.name} path={`${path}/preview${own}`} artifact={chosen} load={load} />
      )}
    </section>
  );
}

type Content =
  | { kind: 'text'; text: string }
  | { kind: 'image'; url: string }
  | { kind: 'table'; table: NonNullable<ArtifactPreview['table']> }
  | { kind: 'none'; why: string };

type Load = (name: string) => Promise<Response>;

function Preview({ path, artifact, load }: { path: string; artifact: ArtifactView; load: Load }) {
  const [content, setContent] = useState<Content | null>(null);
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
  if (content === null) return <div class="shape strip-shape" role="img" aria-label="Loading" />;
  if (content.kind === 'none') return <p class="empty">{shown(content.why)}</p>;
  if (content.kind === 'image') return <img class="artifact" src={content.url} alt={shown(artifact.name)} />;
  if (content.kind === 'text') return <pre tabIndex={0}>{shown(content.text)}</pre>;
  const { columns, rows, more } = content.table;
  return (
    <>
      <DataTable columns={columns} rows={rows} />
      {more && <p class="faint">The first {number(rows.length)} rows.</p>}
    </>
  );
}

async function contentOf(path: string, { name, bytes }: ArtifactView, load: Load): Promise<Content> {
  const { kind, table } = await ask<ArtifactPreview>(path, { body: { name } });
  if (table !== null) return { kind: 'table', table };
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
