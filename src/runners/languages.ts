/** The languages that partition functions can be written in, by file extension. */
import { extname } from 'node:path';
import type { Language } from './language';
import { node } from './node/language';
import { python } from './python/language';

const LANGUAGES: readonly Language[] = [node, python];

/** Extensions of functions files. */
export const SOURCE_ENDINGS: readonly string[] = LANGUAGES.flatMap(({ sourceEndings }) => sourceEndings);

/** Extensions of bundles. */
export const BUNDLE_ENDINGS: readonly string[] = LANGUAGES.flatMap(({ bundleEndings }) => bundleEndings);

/** By language: functions files that a project has without naming one; the first that exists is taken. */
export const FUNCTIONS_FILES: readonly (readonly string[])[] = LANGUAGES.map(
  ({ functionsFiles }) => functionsFiles,
);

/** How programs get Partwise, by language, where that is not this package. */
export const INSTALLERS = LANGUAGES.flatMap(({ name, installCommand }) =>
  installCommand === undefined ? [] : [{ name, installCommand }],
);

/** Returns null if the file's extension is not one of `SOURCE_ENDINGS`. */
export function languageOfSource(file: string): Language | null {
  return LANGUAGES.find(({ sourceEndings }) => sourceEndings.includes(extname(file))) ?? null;
}

/**
 * `bundle` is null for the built-in function `sql`, which runs on Node. Returns null for a bundle from
 * another release with an unknown extension.
 */
export function languageOfBundle(bundle: string | null): Language | null {
  if (bundle === null) return node;
  return LANGUAGES.find(({ bundleEndings }) => bundleEndings.includes(extname(bundle))) ?? null;
}
