// The suite's test environment, except that the first failed test ends the process: later tests could wait
// forever.
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

const Environment = require(join(process.env.MUTANT_ROOT, 'test/support/environment.js'));

const fullName = ({ name, parent }) =>
  parent?.name === undefined || parent.name === 'ROOT_DESCRIBE_BLOCK' ? name : `${fullName(parent)} ${name}`;

module.exports = class extends Environment {
  handleTestEvent({ name, test }) {
    if (name !== 'test_done' || test.errors.length === 0) return;
    writeFileSync(process.env.MUTANT_FAILED, fullName(test));
    process.exit(1);
  }
};
