/**
 * TypeScript and JavaScript, on Node. What runs functions is loaded when it is needed: configurations read
 * the names.
 */
import type { Language } from '../language';
import { BUNDLE_ENDING, FUNCTIONS_FILES, SOURCE_ENDINGS } from './endings';

export const node: Language = {
  name: 'TypeScript',
  functionsFiles: FUNCTIONS_FILES,
  sourceEndings: SOURCE_ENDINGS,
  bundleEndings: [BUNDLE_ENDING],
  hasDuckDB: true,
  loadingTimeoutMs: 20_000,
  bundle(file, folder) {
    const { bundle }: typeof import('./bundle') = require('./bundle');
    return bundle(file, folder);
  },
  start(options) {
    const { start }: typeof import('./start') = require('./start');
    return start(options);
  },
  sourcesOf(bundle) {
    const { sourcesOf }: typeof import('./sources') = require('./sources');
    return sourcesOf(bundle);
  },
  loadingProblem(error, bundle) {
    const { loadingProblem }: typeof import('./loading-problem') = require('./loading-problem');
    return loadingProblem(error, bundle);
  },
  example: (name) => `export const ${name} = definePartitionFunction({ name: '${name}', run(data) { … } })`,
  callHere(options) {
    const { callHere }: typeof import('./call-here') = require('./call-here');
    return callHere(options);
  },
};
