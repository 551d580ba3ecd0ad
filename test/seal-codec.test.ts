import { describe, expect, it } from '@jest/globals';
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { inputOf, LABEL, resultOf, SEAL, UNSEALED } from '../src/core/provenance';
import { guardWorker } from '../src/worker/guard-worker';
import { NotSealed, SealCodec } from '../src/trust/seal-codec';
import { payloadConverter } from '../src/workflows/payload-converter';

const secret = { key: Buffer.alloc(32, 1), createdAt: 1_000 };
const payload = (text: string, label?: string): Payload => ({
  metadata: {
    encoding: Buffer.from('json/plain'),
    ...(label !== undefined && { [LABEL]: Buffer.from(label) }),
  },
  data: Buffer.from(text),
});
const activity = (activityId = '1', workflowId = 'run'): SerializationContext & { type: 'activity' } => ({
  type: 'activity',
  namespace: 'default',
  workflowId,
  activityId,
  isLocal: false,
});
const workflow: SerializationContext = { type: 'workflow', namespace: 'default', workflowId: 'run' };

describe('the seal of a payload', () => {
  const codec = new SealCodec({ secret }, []);

  it('leaves encoding and data unchanged, and is removed on the way in', async () => {
    const [sealed] = await codec.encode([payload('"x"', 'input:planRun')], activity());
    expect(sealed).toMatchObject(payload('"x"'));
    expect(await codec.decode([sealed!], activity())).toEqual([payload('"x"', 'input:planRun')]);
  });

  it.each<[string, (sealed: Payload) => Payload, SerializationContext?]>([
    ['other data', (sealed) => ({ ...sealed, data: Buffer.from('"y"') })],
    [
      'another label',
      (sealed) => ({
        ...sealed,
        metadata: { ...sealed.metadata, [LABEL]: Buffer.from('input:processUnit') },
      }),
    ],
    [
      'another encoding',
      (sealed) => ({ ...sealed, metadata: { ...sealed.metadata, encoding: Buffer.from('json/other') } }),
    ],
    ['no seal', () => payload('"x"')],
    [
      'an empty seal',
      (sealed) => ({ ...sealed, metadata: { ...sealed.metadata, [SEAL]: new Uint8Array() } }),
    ],
    ['another activity', (sealed) => sealed, activity('2')],
    ['another workflow', (sealed) => sealed, activity('1', 'other')],
  ])('is not valid for %s (I13)', async (_what, change, context = activity()) => {
    const forged: string[] = [];
    const guarding = new SealCodec({ secret, onForged: ({ activityId }) => forged.push(activityId!) }, []);
    const [sealed] = await codec.encode([payload('"x"', 'input:planRun')], activity());
    await expect(guarding.decode([change(sealed!)], context)).rejects.toThrow(NotSealed);
    expect(forged).toEqual([(context as { activityId: string }).activityId]);
  });

  it('is not expected of what the server writes about an activity that was cancelled before it started', async () => {
    const forged: string[] = [];
    const guarding = new SealCodec({ secret, onForged: ({ activityId }) => forged.push(activityId!) }, []);
    const details = payload('"ACTIVITY_ID_NOT_STARTED"');
    const [marked] = await guarding.decode([details], activity());
    expect(Object.keys(marked!.metadata!)).toEqual(['encoding', UNSEALED]);
    expect(guarding.takeInput('run', '1')).toBeNull();
    await expect(
      guarding.decode([payload(details.data!.toString(), 'result:x')], activity()),
    ).rejects.toThrow();
    expect(forged).toEqual(['1']);
  });

  it('is checked only where workflows are started and signalled, and a mark on the wire has no effect', async () => {
    const [marked] = await codec.decode([payload('"x"', 'input:partitionShard')], workflow);
    expect(Object.keys(marked!.metadata!)).toEqual(['encoding', UNSEALED]);
  });

  it('identifies the activity that an input was made for, once, and not if two differ (I13)', async () => {
    const own = new SealCodec({ secret }, []);
    const inputs = await own.encode([payload('1', 'input:a'), payload('2', 'input:b')], activity());
    await own.decode([inputs[0]!], activity());
    expect(own.takeInput('run', '1')).toBe('input:a');
    expect(own.takeInput('run', '1')).toBeNull();
    for (const input of inputs) await own.decode([input], activity());
    expect(own.takeInput('run', '1')).toBeNull();
  });

  it('lets a worker run an activity only with an input that was made for it (I13)', async () => {
    const guard = guardWorker({ ...secret }, null as never, undefined);
    const [own] = guard.dataConverter.payloadCodecs!;
    const info = { activityId: '1', workflowExecution: { workflowId: 'run' } };
    const attempt = async (activityType: string): Promise<unknown> => {
      await own!.decode(await own!.encode([payload('1', 'input:planRun')], activity()), activity());
      const { inbound } = guard.activities({ info: { ...info, activityType } } as never);
      return (inbound as Required<ActivityInboundCallsInterceptor>).execute(
        {} as never,
        async () => 'has run',
      );
    };
    expect(await attempt('planRun')).toBe('has run');
    await expect(attempt('processUnit')).rejects.toThrow(
      'The activity processUnit was not scheduled by a run of this project',
    );
  });

  it('lets a workflow take an activity’s answer only if it was made as a result (I13)', async () => {
    const copied = payloadConverter.fromPayload(payload('{}', inputOf('planRun')), activity());
    await expect(Promise.resolve(copied)).rejects.toThrow(
      "The result recorded for an activity was not written by the project's worker, so it is not trusted.",
    );
    for (const label of [resultOf('planRun'), undefined])
      expect(await payloadConverter.fromPayload(payload('{"n":1}', label), activity())).toEqual({ n: 1 });
  });

  it('does not accept a result as an input', async () => {
    const running = new SealCodec({ secret, runningActivity: () => 'planRun' }, []);
    const [result] = await running.encode([payload('1')], activity());
    await codec.decode([result!], activity());
    expect(codec.takeInput('run', '1')).toBeNull();
  });

  it('is not required of payloads recorded before there was a secret', async () => {
    const recorded = (recordedAt: number) => ({ ...activity(), recordedAt });
    expect(await codec.decode([payload('"old"')], recorded(999))).toEqual([payload('"old"')]);
    await expect(codec.decode([payload('"new"')], recorded(1_001))).rejects.toThrow(NotSealed);
  });

  it('wraps the codecs of the project', async () => {
    const flip = async (payloads: Payload[]): Promise<Payload[]> =>
      payloads.map(({ data }) => ({
        metadata: { encoding: Buffer.from('binary/flipped') },
        data: Buffer.from(data!).reverse(),
      }));
    const own: PayloadCodec = {
      encode: flip,
      decode: async (payloads) =>
        (await flip(payloads)).map((each) => ({
          ...each,
          metadata: { encoding: Buffer.from('json/plain') },
        })),
    };
    const both = new SealCodec({ secret }, [own]);
    const [sealed] = await both.encode([payload('123', 'input:a')], activity());
    expect(Buffer.from(sealed!.data!).toString()).toBe('321');
    expect(await both.decode([sealed!], activity())).toEqual([payload('123', 'input:a')]);
  });
});
