import { createDecipheriv } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { temporal } from '@temporalio/proto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { Partwise } from '../src/index';
import { loadConfig } from '../src/config';
import { checkConfig } from '../src/config/schema';
import { runnerEnvironment } from '../src/runners/environment';
import { EncryptionCodec, encrypting, forWorkflows } from '../src/trust/encryption-codec';
import { PayloadKeys, type KeySource } from '../src/trust/payload-keys';
import { SealCodec } from '../src/trust/seal-codec';
import { makeFolder } from './support/runner-unit';

const FIRST = Buffer.alloc(32, 1);
const SECOND = Buffer.alloc(32, 2);
const ENV = { PARTWISE_KEY: FIRST.toString('base64'), PARTWISE_KEY_2: SECOND.toString('hex') };
const OLD: KeySource = { id: 'old', env: 'PARTWISE_KEY' };
const NEW: KeySource = { id: 'new', env: 'PARTWISE_KEY_2' };
const codec = (...keys: KeySource[]): EncryptionCodec => new EncryptionCodec(new PayloadKeys(keys, ENV));
const payload: Payload = {
  metadata: { encoding: Buffer.from('json/plain'), kind: Buffer.from('x') },
  data: Buffer.from('"a row"'),
};
const plain = ({ metadata, data }: Payload) => ({
  metadata: Object.fromEntries(
    Object.entries(metadata!).map(([name, value]) => [name, String(Buffer.from(value))]),
  ),
  data: String(Buffer.from(data!)),
});

it('encrypts a payload with its metadata as the samples of Temporal do', async () => {
  const [encrypted] = await codec(OLD).encode([payload]);
  const { metadata, data } = encrypted!;
  expect(plain({ metadata, data: new Uint8Array() }).metadata).toEqual({
    encoding: 'binary/encrypted',
    'encryption-key-id': 'old',
  });
  const all = Buffer.from(data!);
  const decipher = createDecipheriv('aes-256-gcm', FIRST, all.subarray(0, 12));
  decipher.setAuthTag(all.subarray(-16));
  const content = Buffer.concat([decipher.update(all.subarray(12, -16)), decipher.final()]);
  expect(plain(temporal.api.common.v1.Payload.decode(content))).toEqual(plain(payload));
  const [again] = await codec(OLD).encode([payload]);
  expect(Buffer.from(again!.data!).equals(all)).toBe(false);
});

it('decrypts with every key, encrypts with the first, and passes on what is not encrypted', async () => {
  const [old] = await codec(OLD).encode([payload]);
  const both = codec(NEW, OLD);
  const [current] = await both.encode([payload]);
  expect(String(current!.metadata!['encryption-key-id'])).toBe('new');
  expect((await both.decode([old!, current!, payload])).map(plain)).toEqual(
    [payload, payload, payload].map(plain),
  );
});

it('says which key is missing, or that it is another one', async () => {
  const [encrypted] = await codec(OLD).encode([payload]);
  await expect(codec(NEW).decode([encrypted!])).rejects.toThrow(
    'This is encrypted with the key "old", and the project has only "new".',
  );
  const other = new EncryptionCodec(new PayloadKeys([{ id: 'old', env: 'PARTWISE_KEY_2' }], ENV));
  await expect(other.decode([encrypted!])).rejects.toThrow('This cannot be decrypted with the key "old"');
  const changed = { ...encrypted!, data: Buffer.from(encrypted!.data!).fill(0, 20, 21) };
  await expect(codec(OLD).decode([changed])).rejects.toThrow('the content was changed');
  const without = encrypting(undefined, new PayloadKeys([], {})).payloadCodecs![0]!;
  await expect(without.decode([encrypted!])).rejects.toThrow('the project has no keys');
});

it('in workflows, replaces what comes from outside, and fails for results of activities', async () => {
  const [encrypted] = await codec(OLD).encode([payload]);
  const [own] = forWorkflows({ payloadCodecs: [codec(NEW)] })!.payloadCodecs!;
  const context = { namespace: 'default', workflowId: 'run' };
  const [replaced] = await own!.decode([encrypted!], { type: 'workflow', ...context });
  expect(String(replaced!.data)).toContain('encrypted with the key \\"old\\"');
  const activity = { type: 'activity', activityId: '1', isLocal: false, ...context } as const;
  await expect(own!.decode([encrypted!], activity)).rejects.toThrow('the key "old"');
});

it('takes keys from the environment and from commands, and reports all that are no keys without showing any', async () => {
  const printed = new PayloadKeys([{ id: 'c', command: `echo ${FIRST.toString('base64')}` }], {});
  expect((await printed.current()).bytes).toEqual(FIRST);
  const keys = new PayloadKeys(
    [
      { id: 'unset', env: 'PARTWISE_KEY_UNSET' },
      { id: 'short', env: 'PARTWISE_KEY_SHORT' },
      { id: 'fails', command: 'echo no such vault >&2; exit 3' },
      { id: 'prints', command: 'echo hidden-text' },
    ],
    { PARTWISE_KEY_SHORT: 'hidden-text' },
  );
  const problems = await keys.check().catch((error: Error) => error.message.split('\n'));
  expect(problems).toEqual([
    expect.stringContaining('the environment variable PARTWISE_KEY_UNSET is not set'),
    expect.stringContaining('The variable PARTWISE_KEY_SHORT is not a key'),
    expect.stringContaining('failed with exit code 3, and printed: no such vault'),
    expect.stringContaining('What the command of the key "prints" prints is not a key'),
  ]);
  expect(JSON.stringify(problems)).not.toContain('hidden-text');
});

it.each([
  [[]],
  [[{ id: 'a', key: 'hidden-text' }]],
  [[{ id: 'a', env: 'AWS_SECRET' }]],
  [[{ id: 'a b', env: 'PARTWISE_KEY' }]],
  [[OLD, OLD]],
])('a configuration with the keys %j is refused without quoting them', (keys) => {
  const { problems } = checkConfig({ temporal: { encryption: { keys } } });
  expect(problems).toEqual([expect.stringMatching(/^"temporal.encryption.keys" takes a list of keys/)]);
  expect(problems[0]).not.toContain('hidden-text');
});

it('functions do not get keys (I11)', () => {
  expect(runnerEnvironment({ PATH: '/bin', ...ENV }, [])).toEqual({ PATH: '/bin' });
});

it('codecs of the project are applied before encryption, in the order of the SDK, sealed or not', async () => {
  const adding = (name: string): PayloadCodec => ({
    encode: async (payloads) =>
      payloads.map(({ metadata, data }) => ({
        metadata,
        data: Buffer.from(`${name}(${String(Buffer.from(data!))})`),
      })),
    decode: async (payloads) =>
      payloads.map(({ metadata, data }) => {
        const text = String(Buffer.from(data!));
        if (!text.startsWith(`${name}(`)) throw new Error(`${name} did not encode ${text}`);
        return { metadata, data: Buffer.from(text.slice(name.length + 1, -1)) };
      }),
  });
  const inner = { payloadCodecs: [adding('a'), adding('b')] };
  const { payloadCodecs } = encrypting(inner, new PayloadKeys([OLD], ENV));
  const sealed = new SealCodec({ secret: { key: FIRST, createdAt: 0 } }, payloadCodecs!);
  const context = { type: 'workflow', namespace: 'default', workflowId: 'run' } as const;
  const encoded = await sealed.encode([payload], context);
  const [decrypted] = await codec(OLD).decode(encoded);
  expect(String(Buffer.from(decrypted!.data!))).toBe('b(a("a row"))');
  expect((await sealed.decode(encoded, context)).map(({ data }) => String(Buffer.from(data!)))).toEqual([
    '"a row"',
  ]);
});

it('loading a configuration takes no key, which only connecting needs', async () => {
  const projectDir = makeFolder();
  const encryption = { keys: [{ id: 'a', env: 'PARTWISE_KEY_UNSET' }] };
  writeFileSync(join(projectDir, 'partwise.config.json'), JSON.stringify({ temporal: { encryption } }));
  const { temporal: settings } = await loadConfig({ projectDir, env: {} });
  await expect(settings.keys!.check()).rejects.toThrow('PARTWISE_KEY_UNSET is not set');
  await expect(Partwise.connect({ projectDir })).rejects.toThrow('PARTWISE_KEY_UNSET is not set');
});
