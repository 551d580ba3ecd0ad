/** Python. What runs functions is loaded when it is needed: configurations read the names. */
import type { Language } from '../language';
import { BUNDLE_ENDING, FUNCTIONS_FILES, SOURCE_ENDINGS } from './endings';

export const python: Language = {
  name: 'Python',
  functionsFiles: FUNCTIONS_FILES,
  sourceEndings: SOURCE_ENDINGS,
  bundleEndings: [BUNDLE_ENDING],
  hasDuckDB: false,
  // Packages such as torch take tens of seconds on a cold disk.
  loadingTimeoutMs: 60_000,
  bundle(file, folder, project) {
    const { archive }: typeof import('./archive') = require('./archive');
    return archive(file, folder, project);
  },
  start(options) {
    const { start }: typeof import('./start') = require('./start');
    return start(options);
  },
  sourcesOf(bundle) {
    const { sourcesOf }: typeof import('./sources') = require('./sources');
    return sourcesOf(bundle);
  },
  loadingProblem(error) {
    const { loadingProblem }: typeof import('./loading-problem') = require('./loading-problem');
    return loadingProblem(error);
  },
  describeRuntime(file, project) {
    const { describeRuntime }: typeof import('./describe-runtime') = require('./describe-runtime');
    return describeRuntime(file, project);
  },
  installCommand() {
    const { installCommand }: typeof import('./describe-runtime') = require('./describe-runtime');
    return installCommand();
  },
  hasTerminal: true,
  callHere(options) {
    const { callHere }: typeof import('./call-here') = require('./call-here');
    return callHere(options);
  },
  example: (name) => `def ${name}(data_connector, context): …`,
};
