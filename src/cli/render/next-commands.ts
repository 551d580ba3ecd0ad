/** Suggested next commands, as lines that can be pasted. */
import type { Paint } from './paint';
import { padEnd } from './text';
import type { RunState } from '../..';

export interface NextCommands {
  state: RunState;
  /** A failed partition to suggest a command for; null if there is none. */
  failed: { id: string; status: string } | null;
  hasArtifacts: boolean;
  /** Turns a command into a full command line. */
  suggest: (command: string) => string;
}

export function nextCommands({ state, failed, hasArtifacts, suggest }: NextCommands, paint: Paint): string {
  const run = shellWord(state.runId);
  const commands: [string, string][] =
    state.status === 'IN_PROGRESS'
      ? [
          ...(state.paused ? [[`unpause ${run}`, 'resume it'] as [string, string]] : []),
          [`watch ${run}`, 'follow it'],
          [`status ${run}`, 'show its progress'],
          [`cancel ${run}`, 'stop it'],
        ]
      : [
          ...(unfinished(state) ? [[`retry ${run}`, 'rerun what is not DONE'] as [string, string]] : []),
          [`status ${run}`, 'show the summary'],
          failed === null
            ? [`partitions ${run}`, 'list the partitions']
            : [`partitions ${run} --status ${failed.status}`, 'list the failures'],
          [
            `logs ${run}${failed === null ? '' : ` --partition ${shellWord(failed.id)}`}`,
            'show what the functions printed',
          ],
          ...(hasArtifacts ? [[`artifacts list ${run}`, 'list their artifacts'] as [string, string]] : []),
          [`results ${run}`, 'show the combined rows'],
          ...ofVersion(state),
        ];
  return commandLines(commands, suggest, paint);
}

function ofVersion({ commit }: RunState): [string, string][] {
  if (commit?.modelVersion === undefined) return [];
  const version = shellWord(`${commit.target}@${commit.modelVersion}`);
  return [
    [`models show ${version}`, 'show the models and their metrics'],
    [`models promote ${version} production`, 'let predictions use this version as "production"'],
  ];
}

/** Commands with their purpose, one per line, aligned. */
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

/** Quotes the text for a POSIX shell if necessary. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
