// Builds the Python package as a wheel, which is a zip with the files and their hashes: see
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import JSZip from 'jszip';

/** Of every file: the same sources are the same bytes. */
const DATE = new Date('1980-01-01T00:00:00Z');
/** What a client needs: runners have what their functions need, in an environment of their own. */
const REQUIRES = ['pyarrow>=14', 'cloudpickle>=3'];
const EXTRAS = {
  pandas: ['pandas>=2'],
  polars: ['polars>=1'],
  duckdb: ['duckdb>=1'],
  debug: ['debugpy>=1.8'],
};

/** Writes `folder/partwise-VERSION-py3-none-any.whl`, and removes those of other versions. */
export async function writeWheel(version, folder) {
  const info = `partwise-${version}.dist-info`;
  const files = new Map(
    readdirSync('python/partwise', { recursive: true })
      .filter((name) => name.endsWith('.py'))
      .sort()
      .map((name) => [`partwise/${name.replaceAll('\\', '/')}`, readFileSync(join('python/partwise', name))]),
  );
  files.set(`${info}/METADATA`, Buffer.from(metadata(version)));
  files.set(
    `${info}/WHEEL`,
    Buffer.from('Wheel-Version: 1.0\nGenerator: partwise\nRoot-Is-Purelib: true\nTag: py3-none-any\n'),
  );
  const record = [...files].map(([name, content]) => `${name},sha256=${urlSafe(content)},${content.length}`);
  files.set(`${info}/RECORD`, Buffer.from(`${[...record, `${info}/RECORD,,`].join('\n')}\n`));
  const zip = new JSZip();
  for (const [name, content] of files) zip.file(name, content, { date: DATE, createFolders: false });
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const wheel = await zip.generateAsync({ type: 'nodebuffer', compression: 'DEFLATE' });
  writeFileSync(join(folder, `partwise-${version}-py3-none-any.whl`), wheel);
}

function metadata(version) {
  const extras = Object.entries(EXTRAS).flatMap(([name, packages]) => [
    `Provides-Extra: ${name}`,
    ...packages.map((each) => `Requires-Dist: ${each}; extra == "${name}"`),
  ]);
  return [
    'Metadata-Version: 2.1',
    'Name: partwise',
    `Version: ${version}`,
    'Summary: Run a function for every partition of a table, durably.',
    'License: MIT',
    'Requires-Python: >=3.9',
    ...REQUIRES.map((each) => `Requires-Dist: ${each}`),
    ...extras,
    '',
    'The Python client of Partwise. It needs the npm package of the same version.',
    '',
  ].join('\n');
}

function urlSafe(content) {
  return createHash('sha256').update(content).digest('base64url');
}
