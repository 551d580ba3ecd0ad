/**
 * Which way the folders of `src` may depend, checked by `npm run lint`: type-only imports and lazy `require`/`import()` count.
 * docs/architecture.md says what each folder is for.
 */

/** A folder may import folders of the layers above it, and nothing of its own layer or below. */
const LAYERS = [
  ['core'],
  ['files'],
  ['input', 'history', 'duckdb', 'snowflake', 'trust'],
  ['temporal'],
  ['rows', 'stage'],
  ['functions'],
  ['config'],
  ['stored'],
  ['models'],
  ['runners'],
  ['warehouse'],
  ['reader'],
  ['planning'],
  ['activities', 'client'],
  ['worker'],
  ['cli'],
];

const inFolders = (folders) => `^src/(${folders.join('|')})/`;

const layers = LAYERS.map((layer, i) => ({
  name: `${layer.join('-and-')}-imports-upwards`,
  comment: `${layer.join(' and ')} may import ${LAYERS.slice(0, i).flat().join(', ') || 'no other folder'}.`,
  severity: 'error',
  from: { path: `^src/(${layer.join('|')})/` },
  // `$1` is the folder that imports.
  to: { path: '^src/', pathNot: ['^src/$1/', ...LAYERS.slice(0, i).map(inFolders), ...extra(layer)] },
}));

/** Entry points that a folder may use. */
function extra(layer) {
  return layer.includes('cli') ? ['^src/(index|worker)\\.ts$'] : [];
}

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'core-is-ground',
      comment: 'core is pure: the run as data. It imports nothing, not even Node.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: ['^src/core/', '/fastest-levenshtein/'] },
    },
    {
      name: 'workflows-are-deterministic',
      comment: "Workflow code imports core and Temporal's workflow package, and nothing of Node.",
      severity: 'error',
      from: { path: '^src/workflows/' },
      to: {
        pathNot: ['^src/(workflows|core)/', '/@temporalio/(workflow|common)/'],
      },
    },
    {
      name: 'runners-have-no-stage',
      comment: 'What runs beside the code of users has neither stage nor credentials (I11).',
      severity: 'error',
      from: { path: '^src/(functions|runners/node)/' },
      to: { path: '^src/(stage|stored|warehouse|snowflake|client|reader)/' },
    },
    {
      name: 'adapters-are-closed',
      comment: 'A warehouse or a stage of one kind is known to the table of kinds alone.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          '^src/(warehouse|stage)/(index\\.ts|[^/]+/)',
          // Snowflake's, which the seams do not cover yet.
          '^src/(warehouse/(access|unit-snapshot)|config/resolve|cli/(snowflake|doctor)-checks)\\.ts$',
        ],
      },
      to: { path: '^src/(warehouse|stage)/(duckdb|snowflake|local|s3)/' },
    },
    {
      name: 'languages-are-closed',
      comment: 'The language of functions is known to the table of languages alone.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/runners/(languages\\.ts|[^/]+/)' },
      to: { path: '^src/runners/[^/]+/' },
    },
    ...layers,
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'default'],
    },
  },
};
