/** Failed partitions, grouped by cause, with the largest group first. */
import { partitionName } from '../../core/partition-name';
import { shellWord } from '../../core/shell-word';
import type { FailureGroup, SourceExcerpt } from '../..';
import { causeLine, failureLine } from '../../display/failure-line';
import type { Paint } from '../../display/paint';
import { clean, plural, wrapped } from '../../display/text';
import { renderExcerpt } from './excerpt';

const INDENT = '    ';

/** The command that retries only this group; null if it cannot be named. */
export function retryCommand(
  runId: string,
  group: FailureGroup,
  suggest: (command: string) => string,
): string | null {
  const { failedWith } = group;
  if (failedWith === null) return null;
  const option = failedWith.startsWith('-') ? '--failed-with=' : '--failed-with ';
  return suggest(`retry ${shellWord(runId)} ${option}${shellWord(failedWith)}`);
}

/** What is shown below the cause of a group; by default nothing. */
export interface GroupDetails {
  /** Never wrapped, so that it can be copied. */
  commandOf?: (group: FailureGroup) => string | null;
  excerptOf?: (group: FailureGroup) => SourceExcerpt | null;
}

/** Shows the first `limit` groups; further ones are only counted. */
export function renderFailures(
  groups: readonly FailureGroup[],
  limit: number,
  width: number,
  paint: Paint,
  { commandOf = () => null, excerptOf = () => null }: GroupDetails = {},
): string[] {
  const lines = groups.slice(0, limit).map((group) => {
    const command = commandOf(group);
    const [cause, ...names] = groupLines(group, width, paint);
    const excerpt = renderExcerpt(excerptOf(group), INDENT, width, paint);
    const last = command === null ? [] : [INDENT + paint.cyan(command)];
    return [cause, ...excerpt, ...names, ...last].join('\n');
  });
  const rest = groups.slice(limit);
  if (rest.length === 0) return lines;
  const partitions = rest.reduce((sum, { count }) => sum + count, 0);
  const causes = plural(rest.length, 'other cause');
  return [...lines, paint.dim(`  … and ${plural(partitions, 'more failed partition')} with ${causes}`)];
}

/** The cause, and the names of examples if there are several partitions. */
function groupLines(group: FailureGroup, width: number, paint: Paint): string[] {
  const { count, examples } = group;
  const [first] = examples;
  if (count === 1) return [failureLine(first!, width, paint)];
  const { message, type, stack } = first!.error;
  const isSame = examples.every(({ error }) => error.message === message);
  const cause = isSame || group.pattern === null ? `${type}: ${message}` : group.pattern;
  const names = examples.map(({ id }) => clean(partitionName(id))).join(', ');
  return [
    causeLine(plural(count, 'partition'), cause, stack, width, paint),
    paint.dim(wrapped(`${names}${count > examples.length ? ', …' : ''}`, width, INDENT, INDENT)),
  ];
}
