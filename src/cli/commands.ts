/** All commands. Each command's module is loaded only when it is chosen, so that help is fast. */
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
    summary: 'create a project: functions, configuration, sample data',
  },
  {
    name: 'plan',
    summary: 'show what a run would do, without starting it',
  },
  {
    name: 'run',
    summary: 'run a function for every partition',
  },
  {
    name: 'train',
    summary: 'train a model for every partition and register them as a version',
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
    summary: 'follow a run until it ends',
  },
  {
    name: 'console',
    summary: 'show runs on a page in the browser',
  },
  {
    name: 'export',
    summary: 'write a run as one HTML file, to share it',
  },
  {
    name: 'status',
    summary: 'show the status, counts and first failures of a run',
  },
  {
    name: 'partitions',
    summary: "list a run's partitions",
  },
  {
    name: 'failures',
    summary: 'list the causes of failures, with the partitions that failed of each',
  },
  {
    name: 'compare',
    summary: 'show how two runs differ, partition by partition, and why',
  },
  {
    name: 'logs',
    summary: 'show what the functions printed',
  },
  {
    name: 'artifacts',
    summary: 'list, print or download the artifacts of a run',
  },
  {
    name: 'results',
    summary: 'show the combined rows',
  },
  {
    name: 'pause',
    summary: 'stop starting partitions of a run until it is unpaused',
  },
  {
    name: 'unpause',
    summary: 'resume a paused run',
  },
  {
    name: 'set',
    summary: 'change the concurrency or the failure tolerance of a run in progress',
  },
  {
    name: 'skip',
    summary: 'skip partitions of a run in progress',
  },
  {
    name: 'retry',
    summary: 'rerun the partitions that are not DONE, on the same rows',
  },
  {
    name: 'schedule',
    summary: 'start runs on a schedule',
  },
  {
    name: 'debug',
    summary: 'call the current function on one partition of a run, locally',
  },
  { name: 'cancel', summary: 'cancel a run' },
  {
    name: 'archive',
    summary: 'archive the history of a run on its stage',
  },
  {
    name: 'codec',
    summary: "decode payloads for Temporal's web UI and CLI",
  },
  {
    name: 'replay',
    summary: 'check recorded histories against the installed workflow code',
  },
  { name: 'list', summary: 'list runs' },
  {
    name: 'clean',
    summary: 'delete files from the stage that no run needs',
  },
  {
    name: 'dev',
    summary: 'run a Temporal server and a worker in the foreground',
  },
  {
    name: 'temporal',
    summary: "run Temporal's own CLI on the project's server",
  },
  {
    name: 'worker',
    summary: 'run a worker for a Temporal server',
  },
  {
    name: 'host',
    summary: 'answer requests of another program: JSON lines on standard input and output',
  },
  {
    name: 'stop',
    summary: 'end the background server and worker of the project',
  },
  {
    name: 'doctor',
    summary: 'check Node, Temporal, warehouse, stage and functions',
  },
  {
    name: 'completion',
    summary: 'print a script that completes words in bash, zsh or fish',
  },
];

export function loadCommand(name: string): CommandModule {
  return require(`./commands/${name}`) as CommandModule;
}
