import type { Command } from 'commander';
import { checkedInput } from '../checked-input';
import { withExamples } from '../help';
import { loadProject, withoutServer } from '../connect';
import { withJson, withProject } from '../options';
import { renderPlan } from '../render/plan';
import { withRunFlags, withScheduledTime, type RunFlags } from '../run-flags';
import { paint, print, printJson, widthOfTerminal } from '../terminal';

export function define(command: Command): void {
  withExamples(command, ['plan salesByRegion --from sales.csv --by region']);
  withJson(withProject(withScheduledTime(withRunFlags(command)))).action(plan);
}

async function plan(functionName: string | undefined, options: RunFlags & { json?: boolean }): Promise<void> {
  const config = await loadProject(options);
  const input = await checkedInput(functionName, options, config.projectDir);
  const preview = await withoutServer(config, (project) => project.plan(input));
  if (options.json === true) printJson(preview);
  else print(renderPlan(preview, widthOfTerminal(), paint));
}
