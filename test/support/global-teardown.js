module.exports = () => globalThis.__partwiseSuite.end();
