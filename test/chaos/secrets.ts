/** Checks that nothing a run leaves behind contains the canaries from configuration and environment. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Driven } from './drive';
import { contentOf, stageFiles } from './stage-files';
import type { World } from './world';

interface Place {
  name: string;
  text: string | Buffer;
}

export async function assertNoSecrets(world: World, { executions, state }: Driven): Promise<void> {
  const histories: Place[] = [];
  for (const { workflowRunId } of executions) {
    const history = await world.client.workflow.getHandle(world.runId, workflowRunId).fetchHistory();
    histories.push({ name: `the history of ${workflowRunId}`, text: textsOf(history) });
  }
  const staged = stageFiles(world.stage).filter((file) => !file.startsWith('.partial/'));
  const asStored = staged.map((file) => ({
    name: `the stage's "${file}"`,
    text: readFileSync(join(world.stage, file)),
  }));
  assertEncrypted(world, histories, asStored);
  const places: Place[] = [{ name: 'the state', text: JSON.stringify(state) }, ...histories, ...asStored];
  // Encryption would hide what must not be there at all.
  if (world.scenario.encrypted)
    for (const file of staged.filter((each) => each !== '.partwise-stage'))
      places.push({ name: `the stage's "${file}", decrypted,`, text: await contentOf(world, file) });
  places.push(...(await world.logTexts()));
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

/**
 * What functions get and return is in histories and on the stage as it is, or nowhere if the project is
 * encrypted.
 */
function assertEncrypted({ value, scenario }: World, histories: Place[], stage: Place[]): void {
  for (const [where, places] of Object.entries({ histories, stage })) {
    const found = places.find(({ text }) => text.includes(value));
    if (scenario.encrypted && found !== undefined)
      throw new Error(`A value that is encrypted is in ${found.name}.`);
    if (!scenario.encrypted && found === undefined)
      throw new Error(`The value that functions get and return was not found in the ${where}.`);
  }
}

/** All strings in it; payloads are bytes. */
function textsOf(value: unknown): string {
  if (typeof value === 'string') return `${value}\n`;
  if (value instanceof Uint8Array) return `${Buffer.from(value).toString('utf8')}\n`;
  if (typeof value !== 'object' || value === null) return '';
  return Object.values(value).map(textsOf).join('');
}

async function printed(world: World, name: string): Promise<string> {
  const { code, text } = await world.finish(name, ...(name === 'list' ? [] : [world.runId]), '--json');
  if (code !== 0) throw new Error(`partwise ${name} ended with ${code}: ${text}`);
  return text;
}
