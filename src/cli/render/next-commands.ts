/** What to try next, as lines that work when pasted. */
import type { Paint } from './paint';
import { padEnd } from './text';
import type { RunState } from '../..';

export interface NextCommands {
  state: RunState;
  /** A partition that went wrong, to look at; null when none did. */
  failed: { id: string; status: string } | null;
  hasArtifacts: boolean;
  /** Makes a command line of a command. */
  suggest: (command: string) => string;
}

export function nextCommands({ state, failed, hasArtifacts, suggest }: NextCommands, paint: Paint): string {
  const run = shellWord(state.runId);
  const commands: [string, string][] =
    state.status === 'IN_PROGRESS'
      ? [
          ...(state.paused ? [[`unpause ${run}`, 'let it go on'] as [string, string]] : []),
          [`watch ${run}`, 'follow it'],
          [`status ${run}`, 'where it is'],
          [`cancel ${run}`, 'stop it'],
        ]
      : [
          ...(unfinished(state) ? [[`retry ${run}`, 'run what is not DONE again'] as [string, string]] : []),
          [`status ${run}`, 'the summary'],
          failed === null
            ? [`partitions ${run}`, 'partition by partition']
            : [`partitions ${run} --status ${failed.status}`, 'what went wrong'],
          [
            `logs ${run}${failed === null ? '' : ` --partition ${shellWord(failed.id)}`}`,
            'what the functions printed',
          ],
          ...(hasArtifacts ? [[`artifacts list ${run}`, 'what they kept'] as [string, string]] : []),
          [`results ${run}`, 'the combined rows'],
          ...ofVersion(state),
        ];
  return commandLines(commands, suggest, paint);
}

function ofVersion({ commit }: RunState): [string, string][] {
  if (commit?.modelVersion === undefined) return [];
  const version = shellWord(`${commit.target}@${commit.modelVersion}`);
  return [
    [`models show ${version}`, 'the models and their metrics'],
    [`models promote ${version} production`, 'let predictions use them by this name'],
  ];
}

/** Commands and what they are for, one each line, aligned. */
export function commandLines(
  commands: readonly (readonly [command: string, what: string])[],
  suggest: (command: string) => string,
  paint: Paint,
): string {
  const lines = commands.map(([command, what]) => [suggest(command), what] as const);
  const longest = Math.max(...lines.map(([line]) => line.length));
  return lines.map(([line, what]) => `  ${paint.cyan(padEnd(line, longest))}  ${paint.dim(what)}`).join('\n');
}

/** Whether a retry has anything to do. */
function unfinished({ counts: { total, DONE, SKIPPED }, error }: RunState): boolean {
  return total > DONE + SKIPPED || error !== null;
}

/** Quoted for a POSIX shell where it must be. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
