/** The console: a page about the runs of a project, served on loopback. */
export type { Backend } from './backend';
export { exportRun } from './export/export-run';
export { ofRun } from './run-file';
export { serveConsole } from './serve';
