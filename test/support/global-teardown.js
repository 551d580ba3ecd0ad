const { rmSync } = require('node:fs');

module.exports = async () => {
  const { server, projectDir } = globalThis.__partwiseSuite;
  await server.end();
  rmSync(projectDir, { recursive: true, force: true });
};
