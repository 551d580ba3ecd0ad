/**
 * What remains of a run after a power loss: an ext4 image loses everything that was not flushed to disk, in
 * the kernel's own simulation.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { bundleFunctions } from '../src/runners/functions-file';
import { openStage } from '../src/stage';
import { end, makeProject } from './support/project';
import { describeWithPowerLoss, powerDisk, type PowerDisk } from './support/small-disk';

const FUNCTIONS = `
import { definePartitionFunction } from 'partwise';
export const totals = definePartitionFunction({
  name: 'totals',
  async run(data, context) {
    await context.upload('n.json', { n: Number(context.partitionId) });
    return { k: Number(context.partitionId), n: (await data.rows()).length };
  },
});
`;

describeWithPowerLoss('after a power loss', () => {
  let disk: PowerDisk;
  beforeEach(() => {
    disk = powerDisk(32 * 1024 * 1024);
  });
  afterEach(() => disk.remove());

  it('every object whose put had resolved exists, in old and new folders (I3)', async () => {
    const stage = openStage(pathToFileURL(join(disk.folder, 'new', 'stage')).href);
    const token = await stage.token({ create: true });
    const file = join(disk.folder, 'elsewhere');
    writeFileSync(file, 'moved');
    const refs = await Promise.all([
      stage.put('r/u1/a1/rows', Buffer.from('rows')),
      stage.put('r/u1/a1/segments/seg-1', Buffer.from('segment')),
      stage.put('r/u1/a1/moved', { file }),
      ...Array.from({ length: 50 }, (_, i) => stage.put(`r/u2/a1/${i}`, Buffer.from(`${i}`))),
    ]);
    refs.push(await stage.put('r/u1/a1/later', Buffer.from('later')));
    disk.losePower();
    expect(await openStage(stage.uri).token({ create: false })).toBe(token);
    for (const ref of refs) await expect(stage.localFile(ref)).resolves.toEqual(expect.any(String));
    expect(await stage.list('')).toHaveLength(refs.length);
  });

  it('everything that a run has recorded can be read, and its output file is complete (I3)', async () => {
    const config = { stage: join(disk.folder, 'stage'), allow: { files: [join(disk.folder, 'reports')] } };
    const project = await makeProject(FUNCTIONS, { config });
    try {
      await project.execute('CREATE TABLE many AS SELECT range % 20 AS k FROM range(100)');
      const worker = await project.startWorker();
      const output = join(disk.folder, 'reports', 'totals.csv');
      const run = await project.partwise.start(
        { function: 'totals', source: { table: 'many' }, partitionBy: ['k'], output: { file: output } },
        { runId: project.runId('power') },
      );
      expect(await run.wait()).toMatchObject({ status: 'SUCCESS', counts: { DONE: 20 } });
      await end(worker);
      disk.losePower();
      expect(filesBelow(join(disk.folder, 'stage')).filter((path) => statSync(path).size === 0)).toEqual([]);
      const again = project.partwise.getRun(run.runId);
      expect(await again.results()).toHaveLength(20);
      expect(await again.partition('7').artifacts.get('n.json')).toEqual({ n: 7 });
      expect(readFileSync(output, 'utf8').trim().split('\n')).toHaveLength(21);
    } finally {
      await project.close();
    }
  });

  it('the functions bundle exists, and one left empty by an older release is rebuilt', async () => {
    const file = join(disk.folder, 'functions.ts');
    writeFileSync(file, 'export const one = 1;');
    const out = join(disk.folder, 'bundles');
    const { path, digest } = await bundleFunctions(file, out);
    const content = readFileSync(path);
    disk.losePower();
    expect(readFileSync(path).equals(content)).toBe(true);
    writeFileSync(file, 'export const one = 1;');
    for (const damaged of [Buffer.alloc(0), Buffer.concat([content.subarray(0, -1), Buffer.from('?')])]) {
      writeFileSync(path, damaged);
      expect(await bundleFunctions(file, out)).toEqual({ path, digest });
      expect(readFileSync(path).equals(content)).toBe(true);
    }
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && !entry.parentPath.includes('.partial') && entry.name !== '.partwise-stage',
    )
    .map((entry) => join(entry.parentPath, entry.name));
}
