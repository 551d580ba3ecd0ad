/** All commands. A command's own file is loaded when it is chosen, so that help comes at once. */
import type { Command } from 'commander';

export interface CommandModule {
  /** Adds arguments, options and the action. */
  define(command: Command): void;
}

interface CommandEntry {
  name: string;
  summary: string;
  load: () => CommandModule;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'make a project: functions, configuration, sample data',
    load: () => require('./commands/init') as CommandModule,
  },
  {
    name: 'plan',
    summary: 'show what a run would do; nothing starts',
    load: () => require('./commands/plan') as CommandModule,
  },
  {
    name: 'run',
    summary: 'run a function for every partition',
    load: () => require('./commands/run') as CommandModule,
  },
  {
    name: 'train',
    summary: 'train a model for every partition and keep them as a version',
    load: () => require('./commands/train') as CommandModule,
  },
  {
    name: 'predict',
    summary: "predict with each partition's own model",
    load: () => require('./commands/predict') as CommandModule,
  },
  {
    name: 'models',
    summary: 'list, compare, promote, roll back, tag and remove models',
    load: () => require('./commands/models') as CommandModule,
  },
  {
    name: 'watch',
    summary: 'follow a run to its end',
    load: () => require('./commands/watch') as CommandModule,
  },
  {
    name: 'status',
    summary: 'show a run on one screen',
    load: () => require('./commands/status') as CommandModule,
  },
  {
    name: 'partitions',
    summary: "list a run's partitions",
    load: () => require('./commands/partitions') as CommandModule,
  },
  {
    name: 'logs',
    summary: 'show what the functions printed',
    load: () => require('./commands/logs') as CommandModule,
  },
  {
    name: 'artifacts',
    summary: 'list, print or download what the functions kept',
    load: () => require('./commands/artifacts') as CommandModule,
  },
  {
    name: 'results',
    summary: 'show the combined rows',
    load: () => require('./commands/results') as CommandModule,
  },
  {
    name: 'pause',
    summary: 'start nothing more in a run for the time being',
    load: () => (require('./commands/pause') as typeof import('./commands/pause')).pause,
  },
  {
    name: 'unpause',
    summary: 'let a paused run go on',
    load: () => (require('./commands/pause') as typeof import('./commands/pause')).unpause,
  },
  {
    name: 'set',
    summary: 'change the concurrency or the tolerance of a run under way',
    load: () => require('./commands/set') as CommandModule,
  },
  {
    name: 'skip',
    summary: 'leave partitions out of a run under way',
    load: () => require('./commands/skip') as CommandModule,
  },
  {
    name: 'retry',
    summary: 'run what is not DONE again, on the same rows',
    load: () => require('./commands/retry') as CommandModule,
  },
  {
    name: 'schedule',
    summary: 'start runs by the clock',
    load: () => require('./commands/schedule') as CommandModule,
  },
  {
    name: 'debug',
    summary: 'call the function as it is now on one partition of a run, here',
    load: () => require('./commands/debug') as CommandModule,
  },
  { name: 'cancel', summary: 'stop a run', load: () => require('./commands/cancel') as CommandModule },
  {
    name: 'archive',
    summary: "put a run's history on its stage",
    load: () => require('./commands/archive') as CommandModule,
  },
  {
    name: 'replay',
    summary: 'check recorded histories against the workflow code installed here',
    load: () => require('./commands/replay') as CommandModule,
  },
  { name: 'ls', summary: 'list runs', load: () => require('./commands/ls') as CommandModule },
  {
    name: 'clean',
    summary: 'remove what nobody needs from the stage',
    load: () => require('./commands/clean') as CommandModule,
  },
  {
    name: 'dev',
    summary: 'keep a Temporal server and a worker up, in the foreground',
    load: () => require('./commands/dev') as CommandModule,
  },
  {
    name: 'worker',
    summary: 'execute runs of a Temporal server',
    load: () => require('./commands/worker') as CommandModule,
  },
  {
    name: 'doctor',
    summary: 'check Node, Temporal, warehouse, stage and functions',
    load: () => require('./commands/doctor') as CommandModule,
  },
];
