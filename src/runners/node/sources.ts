/** The files that a bundle was made from, in its source map. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BundleContent, BundleSources } from '../language';
import { sourceMapOf } from './source-map';

export function sourcesOf({ path, content }: BundleContent): BundleSources {
  const { sources, sourcesContent } = sourceMapOf(Buffer.from(content).toString('utf8'));
  const texts = new Map(sources.map((source, i) => [pathOf(source, path), sourcesContent[i]]));
  return {
    find({ file }) {
      const text = texts.get(file);
      return text == null ? null : { from: 1, lines: splitLines(text) };
    },
    linesOf: (file) => splitLines(Buffer.from(file).toString('utf8')),
  };
}

function splitLines(text: string): string[] {
  return text.replace(/^\ufeff/, '').split(/\r\n|[\n\r\u2028\u2029]/);
}

/** As Node finds it for stacks: sources are URLs, relative to the bundle's. */
function pathOf(source: string, bundle: string): string {
  const url = new URL(source, pathToFileURL(bundle));
  return url.protocol === 'file:' ? fileURLToPath(url) : source;
}
