// A command in a separate process: attaches to the project's embedded server, prints its address, and stays.
const { attachEmbedded } = require('../../dist/temporal');

const options = JSON.parse(process.argv[2]);
attachEmbedded(options)
  .then((embedded) => process.stdout.write(`${embedded.address}\n`))
  .catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
