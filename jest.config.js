const { readdirSync } = require('node:fs');

/** Our own sources; packages have `src` folders too. */
const OURS = readdirSync(`${__dirname}/src`, { withFileTypes: true })
  .map((entry) => (entry.isDirectory() ? `${entry.name}(?:/.*)?` : entry.name.replace(/\.ts$/, '')))
  .join('|');

/** Tests import from `../src`, which is mapped to the build: what is tested is what ships. */
module.exports = {
  testEnvironment: '<rootDir>/test/support/environment.js',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Of `npm run test:cluster`.
  testPathIgnorePatterns: process.env.CLUSTER_SERVER ? [] : ['<rootDir>/test/cluster/'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: { [`^((?:\\.\\./)+)src/((?:${OURS}))$`]: '$1dist/$2' },
  globalSetup: '<rootDir>/test/support/global-setup.js',
  globalTeardown: '<rootDir>/test/support/global-teardown.js',
  testTimeout: process.env.CLUSTER_SERVER ? 600_000 : 120_000,
  // The suite waits for servers and workers about a third of the time: with as many as a small machine has
  // cores, it idles.
  maxWorkers: 3,
};
