/** All commands. A command's own file is loaded when it is chosen, so that help comes at once. */
import type { Command } from 'commander';

interface CommandModule {
  /** Adds arguments, options and the action. */
  define(command: Command): void;
}

interface CommandEntry {
  /** Also the name of its file in `commands/`. */
  name: string;
  summary: string;
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    summary: 'make a project: functions, configuration, sample data',
  },
  {
    name: 'plan',
    summary: 'show what a run would do; nothing starts',
  },
  {
    name: 'run',
    summary: 'run a function for every partition',
  },
  {
    name: 'train',
    summary: 'train a model for every partition and keep them as a version',
  },
  {
    name: 'predict',
    summary: "predict with each partition's own model",
  },
  {
    name: 'models',
    summary: 'list, compare, promote, roll back, tag and delete models',
  },
  {
    name: 'watch',
    summary: 'follow a run to its end',
  },
  {
    name: 'status',
    summary: 'show a run on one screen',
  },
  {
    name: 'partitions',
    summary: "list a run's partitions",
  },
  {
    name: 'logs',
    summary: 'show what the functions printed',
  },
  {
    name: 'artifacts',
    summary: 'list, print or download what the functions kept',
  },
  {
    name: 'results',
    summary: 'show the combined rows',
  },
  {
    name: 'pause',
    summary: 'start nothing more in a run for the time being',
  },
  {
    name: 'unpause',
    summary: 'let a paused run go on',
  },
  {
    name: 'set',
    summary: 'change the concurrency or the tolerance of a run under way',
  },
  {
    name: 'skip',
    summary: 'leave partitions out of a run under way',
  },
  {
    name: 'retry',
    summary: 'run what is not DONE again, on the same rows',
  },
  {
    name: 'schedule',
    summary: 'start runs by the clock',
  },
  {
    name: 'debug',
    summary: 'call the function as it is now on one partition of a run, here',
  },
  { name: 'cancel', summary: 'stop a run' },
  {
    name: 'archive',
    summary: "put a run's history on its stage",
  },
  {
    name: 'replay',
    summary: 'check recorded histories against the workflow code installed here',
  },
  { name: 'list', summary: 'list runs' },
  {
    name: 'clean',
    summary: 'delete files that no run needs from the stage',
  },
  {
    name: 'dev',
    summary: 'keep a Temporal server and a worker up, in the foreground',
  },
  {
    name: 'worker',
    summary: 'execute runs of a Temporal server',
  },
  {
    name: 'doctor',
    summary: 'check Node, Temporal, warehouse, stage and functions',
  },
];

export function loadCommand(name: string): CommandModule {
  return require(`./commands/${name}`) as CommandModule;
}
