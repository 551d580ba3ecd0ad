/** Suggested next commands, as lines that can be pasted. */
import { partitionName } from '../../core/partition-name';
import { shellWord } from '../../core/shell-word';
import type { Paint } from '../../display/paint';
import { padEnd } from '../../display/text';
import type { FailureGroup, RunState } from '../..';

export interface NextCommands {
  state: RunState;
  /** The largest causes first. */
  failures: readonly FailureGroup[];
  hasArtifacts: boolean;
  /** Turns a command into a full command line. */
  suggest: (command: string) => string;
}

type Suggested = [command: string, what: string];

const MOST = 3;

/** At most three, chosen by what has just happened. */
export function nextCommands(
  { state, failures, hasArtifacts, suggest }: NextCommands,
  width: number,
  paint: Paint,
): string {
  const run = shellWord(state.runId);
  const commands =
    state.status === 'IN_PROGRESS'
      ? whileRunning(run, state.paused)
      : afterEnd(run, state, failures, hasArtifacts);
  return commandLines(commands.slice(0, MOST), suggest, width, paint);
}

function whileRunning(run: string, isPaused: boolean): Suggested[] {
  return [
    ...(isPaused ? [[`unpause ${run}`, 'resume it'] as Suggested] : []),
    [`watch ${run}`, 'follow it'],
    ...(isPaused ? [] : [[`status ${run}`, 'show its progress'] as Suggested]),
    [`cancel ${run}`, 'stop it'],
  ];
}

function afterEnd(
  run: string,
  state: RunState,
  failures: readonly FailureGroup[],
  hasArtifacts: boolean,
): Suggested[] {
  const [example] = failures[0]?.examples ?? [];
  const partition = example === undefined ? '' : shellWord(partitionName(example.id));
  return [
    ...(example === undefined
      ? []
      : [[`debug ${run} ${partition}`, 'call the function on its rows, locally'] as Suggested]),
    ...(unfinished(state) ? [[`retry ${run}`, 'rerun what is not DONE'] as Suggested] : []),
    ...(failures.length > 1
      ? [[`failures ${run}`, 'list all causes'] as Suggested]
      : example === undefined
        ? []
        : [[`logs ${run} --partition ${partition}`, 'show what it printed'] as Suggested]),
    ...ofVersion(state),
    ...(state.counts.DONE > 0 ? [[`results ${run}`, 'show the combined rows'] as Suggested] : []),
    ...(hasArtifacts ? [[`artifacts list ${run}`, 'list the artifacts'] as Suggested] : []),
    [`partitions ${run}`, 'list the partitions'],
    [`logs ${run}`, 'show what the functions printed'],
  ];
}

function ofVersion({ commit }: RunState): Suggested[] {
  if (commit?.modelVersion === undefined) return [];
  const version = shellWord(`${commit.target}@${commit.modelVersion}`);
  return [
    [`models show ${version}`, 'show the models and their metrics'],
    [`models promote ${version} production`, 'let predictions use this version as "production"'],
  ];
}

/** Commands with their purpose beside them, or below them where a line would be too wide. */
export function commandLines(
  commands: readonly (readonly [command: string, what: string])[],
  suggest: (command: string) => string,
  width: number,
  paint: Paint,
): string {
  const lines = commands.map(([command, what]) => [suggest(command), what] as const);
  const longest = Math.max(...lines.map(([line]) => line.length));
  if (lines.some(([, what]) => longest + what.length + 4 > width))
    return lines.map(([line, what]) => `  ${paint.cyan(line)}\n    ${paint.dim(what)}`).join('\n');
  return lines.map(([line, what]) => `  ${paint.cyan(padEnd(line, longest))}  ${paint.dim(what)}`).join('\n');
}

/** Whether a retry has anything to do. */
function unfinished({ counts: { total, DONE, SKIPPED }, error }: RunState): boolean {
  return total > DONE + SKIPPED || error !== null;
}
