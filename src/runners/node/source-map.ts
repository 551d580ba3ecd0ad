/** The source map inside a bundle: where its code comes from, and the text that it was made from. */
import type { SourceMapPayload } from 'node:module';

const MARK = '\n//# sourceMappingURL=data:application/json;base64,';

/** Throws if the bundle has none. `sourcesContent` has a text for each of `sources`. */
export function sourceMapOf(bundle: string): SourceMapPayload {
  // The user's code may contain such a line too, before the bundle's own.
  const [encoded = ''] = bundle.slice(bundle.lastIndexOf(MARK) + MARK.length).split('\n', 1);
  return JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as SourceMapPayload;
}
