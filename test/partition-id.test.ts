import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodePartitionId, encodePartitionId } from '../src/core/partition-id';
import { artifactFile, ledgerFolder, partitionFolder, runFolder } from '../src/stored/layout';
import { queryRows, withDatabase } from '../src/duckdb/database-file';
import { idSql } from '../src/warehouse/duckdb/partition-keys';

const HOSTILE = [
  null,
  '',
  ' ',
  '/',
  '..',
  '.',
  '%',
  '%-',
  '%_',
  '%2F',
  'a/b',
  '../../etc/passwd',
  'é',
  'e\u0301',
  'Å',
  '😀',
  "o'neill",
  '"quoted"',
  'UPPER',
  'upper',
  '1',
  '01',
  'line\nbreak',
  'tab\t',
  'x'.repeat(300),
  "!'()*~",
  'C:\\temp',
  'con',
  'NULL',
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'partwise-ids-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('partition ids', () => {
  it('are distinct for all hostile keys, and decode to the key (I6)', () => {
    const ids = HOSTILE.map((value) => encodePartitionId([value]));
    expect(new Set(ids).size).toBe(HOSTILE.length);
    expect(ids.map((id) => decodePartitionId(id)[0])).toEqual(HOSTILE);
  });

  it('keep the columns of a composite key apart (I6)', () => {
    const pairs = HOSTILE.flatMap((a) => HOSTILE.map((b) => [a, b]));
    const ids = pairs.map((pair) => encodePartitionId(pair));
    expect(new Set(ids).size).toBe(pairs.length);
    expect(ids.map((id) => decodePartitionId(id))).toEqual(pairs);
  });

  it('leave plain words unchanged', () => {
    expect(encodePartitionId(['North'])).toBe('North');
    expect(encodePartitionId(['UA', null])).toBe('UA/%-');
  });

  it('are the same in SQL and JavaScript (I6)', async () => {
    await withDatabase(':memory:', 'read', async (connection) => {
      await connection.run('CREATE TABLE keys (n INTEGER, a VARCHAR, d DATE)');
      for (const [n, value] of HOSTILE.entries()) {
        await connection.run("INSERT INTO keys VALUES ($1, $2, DATE '2024-02-29')", [n, value]);
      }
      const sql = idSql([
        { name: 'a', type: 'VARCHAR' },
        { name: 'd', type: 'DATE' },
      ]);
      const rows = await queryRows<{ id: string }>(connection, `SELECT ${sql} AS id FROM keys ORDER BY n`);
      expect(rows.map(({ id }) => id)).toEqual(
        HOSTILE.map((value) => encodePartitionId([value, '2024-02-29'])),
      );
    });
  });

  it('give folder names that stay inside the run and are valid on any file system (I6)', () => {
    const names = HOSTILE.map((value, ordinal) => partitionFolder(ordinal, encodePartitionId([value])));
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(HOSTILE.length);
    for (const name of names) expect(name).toMatch(/^\d+(-[a-z0-9-]{1,40})?\/$/);
    for (const id of ['..', '.', 'a/b', 'x'.repeat(200), '/', '%', 'ünï']) {
      expect(runFolder(id)).toMatch(/^[^/\\]{1,97}$/);
      expect(runFolder(id)).not.toMatch(/^\.+$/);
    }
    expect(runFolder('x'.repeat(100))).not.toBe(runFolder(`${'x'.repeat(99)}y`));
    // A series has its own folder, which is never a run's folder.
    expect(ledgerFolder('../x/y')).toBe('@series/..%2Fx%2Fy/');
    expect(ledgerFolder('Daily').toLowerCase()).not.toBe(ledgerFolder('daily').toLowerCase());
    // A run never uses the names that the stage reserves.
    for (const id of ['.partial', '.partwise-stage', '.x', '.PARTIAL']) expect(runFolder(id)).toMatch(/^%2E/);
    expect(runFolder('@series')).not.toMatch(/^@/);
    expect(runFolder('Daily').toLowerCase()).not.toBe(runFolder('daily').toLowerCase());
    expect(artifactFile('ü'.repeat(200)).length).toBeLessThanOrEqual(120);
  });
});
