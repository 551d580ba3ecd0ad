/**
 * Which way the folders of `src` may depend, checked by `npm run lint`: type-only imports and lazy
 * `require`/`import()` count. docs/architecture.md says what each folder is for.
 */

/** A folder may import folders of the layers above it, and nothing of its own layer or below. */
const LAYERS = [
  ['core'],
  ['files'],
  ['history', 'duckdb', 'snowflake', 'trust'],
  ['rows', 'stage'],
  ['functions'],
  ['stored'],
  ['models'],
  ['warehouse'],
  ['input', 'temporal'],
  ['runners'],
  ['config'],
  ['display'],
  ['reader'],
  ['planning'],
  ['activities', 'client'],
  ['worker'],
  ['console'],
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
  if (layer.includes('console')) return ['^src/index\\.ts$'];
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
      name: 'history-is-pure',
      comment: "History becomes state by computing alone. Only types of Temporal's events come from outside.",
      severity: 'error',
      from: { path: '^src/history/' },
      to: { pathNot: ['^src/', '/@temporalio/proto/'] },
    },
    {
      name: 'render-is-pure',
      comment: 'Data becomes text: nothing is read or written there.',
      severity: 'error',
      from: { path: '^src/cli/render/' },
      to: {
        pathNot: [
          '^src/cli/(render/|partition-argument\\.ts$)',
          '^src/(?!cli/|display/(progress|stderr)\\.ts$)',
          '^path$',
          '/picocolors/',
        ],
      },
    },
    {
      name: 'console-is-a-client',
      comment:
        'The console reads and changes runs as any program can: through the public library. ' +
        'The imports of its page are checked by oxlint, whose parser knows JSX.',
      severity: 'error',
      from: { path: '^src/console/(?!table/)' },
      to: {
        path: '^src/',
        pathNot: ['^src/console/', '^src/(index|core/(json|near-ranges|quantiles))\\.ts$'],
      },
    },
    {
      name: 'console-table-is-pure',
      comment: 'Partitions are selected and sorted in the server, and in the page of an exported file.',
      severity: 'error',
      from: { path: '^src/console/(table|wire)/' },
      to: {
        pathNot: [
          '^src/console/(table|wire)/',
          '^src/core/(partition-(id|name)|quantiles|status)\\.ts$',
          '^src/index\\.ts$',
        ],
      },
    },
    {
      name: 'binary-has-no-host',
      comment: 'The binary of Temporal is found and fetched whoever starts it.',
      severity: 'error',
      from: { path: '^src/temporal/binary/' },
      to: { path: '^src/temporal/host/' },
    },
    {
      name: 'runners-have-no-stage',
      comment: 'What runs beside the code of users has neither stage nor credentials (I11).',
      severity: 'error',
      from: { path: '^src/(functions|runners/node)/' },
      to: { path: '^src/(stage|stored|warehouse|snowflake|client|reader)/' },
    },
    {
      name: 'kinds-are-closed',
      comment: 'Only the list of kinds imports a kind of warehouse or stage.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(warehouse|stage)/(kinds\\.ts$|[^/]+/)' },
      to: { path: '^src/(warehouse|stage)/[^/]+/' },
    },
    {
      name: 'kinds-keep-apart',
      comment: 'A kind imports its own folders, and DuckDB, which reads files for every warehouse.',
      severity: 'error',
      from: { path: '^src/(?:warehouse|stage)/([^/]+)/' },
      to: {
        path: '^src/(warehouse|stage)/[^/]+/',
        pathNot: ['^src/(warehouse|stage)/$1/', '^src/warehouse/duckdb/'],
      },
    },
    {
      name: 'services-are-closed',
      comment: 'The library of a service is for its own kinds of warehouse and stage.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/((warehouse|stage)/)?snowflake/' },
      to: { path: '^src/snowflake/' },
    },
    {
      name: 'languages-are-closed',
      comment:
        'The language of functions is known to the table of languages alone, and to the entry point for tests ' +
        'in that language.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(testing\\.ts|runners/(languages\\.ts|[^/]+/))' },
      to: { path: '^src/runners/[^/]+/' },
    },
    {
      name: 'cli-uses-the-api',
      comment:
        'A command parses, makes one call of the library and reports. It has what any program has: the entry ' +
        'points. What is shared beyond that is listed here, and is pure: statuses, ids and stacks of a run as ' +
        'data, texts that are parsed, and JSON and file names that are written, in one way everywhere; the ' +
        'cache of compiled code, which is loaded first; what a server refuses; and how a run is shown, which the library does too. The ' +
        'configuration is the one thing that has no entry point for programs.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: {
        path: '^src/',
        pathNot: [
          '^src/cli/',
          '^src/(index|worker)\\.ts$',
          '^src/(config|console)/index\\.ts$',
          '^src/temporal/problems\\.ts$',
          '^src/display/',
          '^src/core/(choices|column-names|exact-json|file-format|files-on-stage|function-reference|json|key-order|ordinal-ranges|partition-id|partition-name|runtime|shell-word|stack-place|status|type-guesses)\\.ts$',
          '^src/files/(compile-cache|folder-name|package-version)\\.ts$',
          '^src/input/(duration|output-target|zoned-time)\\.ts$',
        ],
      },
    },
    ...layers,
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/console/page/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['require', 'node', 'default'],
    },
  },
};
