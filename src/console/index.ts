/** The console: a page about the runs of a project, served on loopback. */
export type { Backend } from './backend';
export { ofRun } from './run-file';
export { serveConsole } from './serve';
