/** What must hold for rows, artifacts and files of the stage. */
import { createHash } from 'node:crypto';
import type { Row } from '../../src/index';
import { queryRows, withDatabase } from '../../src/duckdb/database-file';
import { openStage } from '../../src/stage';
import { readLocators } from '../../src/stored/locators';
import { openWarehouse } from '../../src/warehouse';
import { lostWorkers } from './call-checks';
import { equal, sameLines, type Evidence } from './evidence';
import { idOfKey } from './source';
import { stageFiles } from './stage-files';
import type { World } from './world';

/** Objects that a worker may be putting at the same time. */
const MAX_PUTS = 8;

/**
 * Only killed workers leave unfinished objects, those of their units, logs and checkpoints, and a stage that
 * became read-only, or went away, before they could be removed.
 */
export function nothingUnfinished({ world, driven }: Evidence): void {
  const { deploy = 0, readOnly = 0, away = 0 } = driven.inflicted;
  const most = (lostWorkers(driven) + deploy + readOnly + away) * MAX_PUTS * world.scenario.workers;
  const left = stageFiles(world.stage).filter((file) => file.startsWith('.partial/'));
  if (left.length > most)
    throw new Error(
      `${left.length} unfinished files are left on the stage (.partial), where ${most} may be.`,
    );
}

export async function rowsOnce({ world, ends }: Evidence): Promise<void> {
  const specs = new Map(world.scenario.partitions.map((spec) => [JSON.stringify(spec.key), spec]));
  const { table, grouped } = await withDatabase(world.warehouse, 'read', async (connection) => ({
    table: await queryRows<Row>(connection, 'SELECT * FROM summary'),
    grouped: await queryRows<Row>(
      connection,
      'SELECT k, g, count(*)::INTEGER AS n, sum(amount)::BIGINT AS total FROM source_at_start GROUP BY k, g',
    ),
  }));
  const lines = (rows: Row[]): string[] => rows.map((row) => line(idOfRow(world, row), row));
  const expected = grouped.flatMap(({ k, g, n, total }) => {
    const spec = specs.get(JSON.stringify([k, g]))!;
    const id = world.source.idOf(spec);
    return Array.from({ length: spec.behaviour.returns }, (_, part) => line(id, { part, n, total }));
  });
  const results = await world.partwise.getRun(world.runId).results();
  if (world.scenario.oddities.reuse) ownValues(table);
  sameLines('the output table and a plain GROUP BY', lines(table), expected);
  sameLines('the results and a plain GROUP BY', lines(results), expected);
  for (const row of results) {
    const id = idOfRow(world, row);
    equal(`the attempt in the rows of ${id}`, Number(row['attempt']), ends.get(id)!.outcome.attempts);
  }
}

/** Checks the values of rows that the function returned in reused objects. */
function ownValues(table: readonly Row[]): void {
  for (const { k, g, own_bytes: bytes, own_object: object, own_date: date } of table) {
    const id = idOfKey({ k: k as string | null, g: Number(g) });
    const number = createHash('sha256').update(id).digest().readUInt32LE();
    const found = [
      Number(Buffer.from(bytes as Uint8Array).readBigInt64LE()),
      (JSON.parse(object as string) as { owner: string }).owner,
      Date.parse(date as string),
    ];
    equal(`the values that ${id} returned in reused objects`, found, [number, id, number * 1000]);
  }
}

function idOfRow({ scenario }: World, { file, k, g }: Row): string {
  return idOfKey(
    scenario.source === 'files' ? { file: file as string } : { k: k as string | null, g: Number(g) },
  );
}

function line(id: string, { part, n, total }: Row): string {
  return JSON.stringify([id, Number(part), Number(n), Number(total)]);
}

/** The content of an artifact shows which call wrote it, and that it is complete. */
export async function artifactsWhole({ world, partitions, ends }: Evidence): Promise<void> {
  const stage = world.openStage();
  for (const [id, { outcome }] of ends) {
    const { artifacts } = outcome;
    equal(
      `the artifacts of ${id}`,
      partitions.get(id)!.artifacts,
      artifacts.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    );
    equal(`the names of the artifacts of ${id}`, artifacts.map(({ name }) => name).sort(), [
      'call.bin',
      'call.json',
    ]);
    const found: Record<string, string> = {};
    for (const { name, path, offset, bytes, sha256 } of artifacts) {
      const content = await stage.get(path, { offset, bytes });
      equal(`the sha256 of ${name} of ${id}`, createHash('sha256').update(content).digest('hex'), sha256);
      found[name] = Buffer.from(content).toString('utf8');
    }
    const { token } = JSON.parse(found['call.json']!) as { token: string };
    const whole = token.repeat(Math.ceil(found['call.bin']!.length / token.length));
    if (!whole.startsWith(found['call.bin']!))
      throw new Error(`The artifacts of ${id} come from different calls.`);
  }
}

/** A late commit of an earlier execution with no rows must not empty the table. */
export async function lateCommitRefused({ world, readings }: Evidence): Promise<void> {
  // The last one may have found everything already committed.
  const committed = readings.findLast(({ record }) => record.commit !== null)!;
  const { opened, plan } = committed.record;
  if (plan!.execution === 1) return;
  const before = await table(world);
  const late = openWarehouse(opened!.warehouse, world.project).commit(
    {
      version: 1,
      runId: world.runId,
      generation: 1,
      execution: plan!.execution - 1,
      stage: plan!.stage,
      warehouse: opened!.warehouse,
      stageToken: opened!.stageToken,
      output: plan!.output!,
      keyColumns: plan!.keyColumns,
      index: plan!.index,
    },
    {
      workflowRunId: 'zombie',
      lineage: (await readLocators(openStage(plan!.stage), world.runId)).found[0]!.workflowRunId,
      index: await world.openStage().localFile(plan!.index),
      rows: [],
      notDone: [],
      doneAfter: () => [],
      signal: new AbortController().signal,
      newestExecution: () => Promise.resolve(readings.length),
    },
  );
  const refusal = await late.then(
    () => null,
    (error: Error) => error.message,
  );
  if (refusal === null || !/came too late/.test(refusal))
    throw new Error(`The commit of an earlier execution was not refused: ${refusal ?? 'it went through'}.`);
  sameLines('the output table before and after a late commit', await table(world), before);
}

function table(world: World): Promise<string[]> {
  return withDatabase(world.warehouse, 'read', async (connection) =>
    (await queryRows<Row>(connection, 'SELECT * FROM summary')).map((row) => line(idOfRow(world, row), row)),
  );
}
