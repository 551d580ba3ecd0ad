/** Checks that nothing a run leaves behind contains the canaries from configuration and environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Driven } from './drive';
import { stageFiles } from './stage-files';
import type { World } from './world';

export async function assertNoSecrets(world: World, { executions, state }: Driven): Promise<void> {
  const places: { name: string; text: string | Buffer }[] = [
    { name: 'the state', text: JSON.stringify(state) },
  ];
  for (const { workflowRunId } of executions) {
    const history = await world.client.workflow.getHandle(world.runId, workflowRunId).fetchHistory();
    places.push({ name: `the history of ${workflowRunId}`, text: textsOf(history) });
  }
  places.push(...(await world.logTexts()));
  for (const file of stageFiles(world.stage))
    places.push({ name: `the stage's "${file}"`, text: readFileSync(join(world.stage, file)) });
  const own = join(world.project, '.partwise');
  for (const name of readdirSync(own, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const file = join(name.parentPath ?? name.path, name.name);
    places.push({ name: file, text: readFileSync(file) });
  }
  const commands = ['status', 'partitions', 'results', 'logs', 'list'];
  const texts = await Promise.all(commands.map((name) => printed(world, name)));
  for (const [n, text] of texts.entries()) places.push({ name: `partwise ${commands[n]}`, text });
  for (const { name, text } of places) {
    const found = world.canaries.find((canary) => text.includes(canary));
    if (found !== undefined) throw new Error(`The secret "${found}" is in ${name}.`);
  }
  // A search that does not find this known text would not find a secret either.
  if (!places.some(({ name, text }) => /logs\//.test(name) && text.includes('careless: ')))
    throw new Error('No log on the stage holds the environment that functions printed.');
}

/** All strings in it; payloads are bytes. */
function textsOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textsOf).join('');
}

async function printed(world: World, name: string): Promise<string> {
  const command = world.command(name, ...(name === 'list' ? [] : [world.runId]), '--json');
  const code = await command.exitCode;
  if (code !== 0) throw new Error(`partwise ${name} ended with ${code}: ${command.text()}`);
  return command.text();
}
