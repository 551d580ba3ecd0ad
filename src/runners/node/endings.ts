/** Of functions files. */
export const SOURCE_ENDINGS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** Extension of bundles. */
export const BUNDLE_ENDING = '.mjs';

/** In this order; `.cts` is not looked for. */
export const FUNCTIONS_FILES = ['functions', 'partwise.functions'].flatMap((name) =>
  SOURCE_ENDINGS.filter((ending) => ending !== '.cts').map((ending) => `${name}${ending}`),
);
