/** S3 as moto serves it, with a count of the requests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CreateBucketCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { startFaultProxy } from '../test/support/fault-proxy';

const SERVER = join(__dirname, '../../../test/support/s3_server');
const BUCKET = 'bench';

/** What was requested, by method, and the bytes of all bodies. */
export interface Requested {
  methods: Record<string, number>;
  sent: number;
  received: number;
}

export interface CountedS3 {
  /** URI of a stage. */
  stage: string;
  /** Returns what was requested since the last call. */
  requested(): Requested;
  countObjects(runId: string): Promise<number>;
  end(): Promise<void>;
}

/** Workers that are started afterwards are configured for it. */
export async function startS3(): Promise<CountedS3> {
  const python = process.env['BENCH_PYTHON'];
  if (python === undefined) throw new Error('moto needs Python 3.11 or newer, and there is none.');
  const server = spawn(python, [SERVER], {
    env: { ...process.env, PYTHONWARNINGS: 'ignore', PYTHONDONTWRITEBYTECODE: '1' },
    // It ends when its standard input is closed, which is when this process ends.
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [port] = (await once(server.stdout, 'data')) as [Buffer];
  const proxy = await startFaultProxy();
  proxy.through(`http://127.0.0.1:${Number(port)}`);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: proxy.url,
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'not a secret',
    AWS_REGION: 'us-east-1',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  });
  const client = new S3Client({ forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    stage: `s3://${BUCKET}/stage`,
    requested() {
      const methods: Record<string, number> = {};
      let [sent, received] = [0, 0];
      for (const each of proxy.requests.splice(0)) {
        const method = each.request.includes('list-type=') ? 'LIST' : each.request.split(' ')[0]!;
        methods[method] = (methods[method] ?? 0) + 1;
        sent += each.sent;
        received += each.received;
      }
      return { methods, sent, received };
    },
    async countObjects(runId) {
      let count = 0;
      const wanted = { Bucket: BUCKET, Prefix: `stage/${runId}/` };
      for await (const { KeyCount = 0 } of paginateListObjectsV2({ client }, wanted)) count += KeyCount;
      return count;
    },
    async end() {
      client.destroy();
      await proxy.close();
      const exited = once(server, 'exit');
      server.stdin.end();
      await exited;
    },
  };
}
