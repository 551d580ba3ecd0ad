import type { Command } from 'commander';
import { checkedInput } from '../checked-input';
import { withExamples } from '../help';
import { loadProject, withoutServer } from '../connect';
import { namedFunction, withJson, withProject } from '../options';
import { renderPlan } from '../render/plan';
import { withRunFlags, withScheduledTime, type RunFlags } from '../run-flags';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['plan salesByRegion --from sales.csv --by region']);
  withJson(withProject(withScheduledTime(withRunFlags(command)))).action(plan);
}

async function plan(reference: string | undefined, given: RunFlags & { json?: boolean }): Promise<void> {
  const { name, flags: options } = namedFunction(reference, given);
  const config = await loadProject(options);
  const input = await checkedInput(name, options, config.projectDir);
  const preview = await withoutServer(config, (project) => project.plan(input));
  if (options.json === true) printJson(preview);
  else print(renderPlan(preview, widthOfTerminal(), paint));
}
