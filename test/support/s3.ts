/**
 * S3 for a test file, configured through the environment like any store: moto, or with VERSITYGW_BIN
 * (`npm run test:s3`) a real server.
 */
import { randomUUID } from 'node:crypto';
import { describe, it } from '@jest/globals';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { hasPython, startPythonServer } from './python-server';
import { GATEWAY, startGateway, type Gateway } from './s3-gateway';

export interface TestS3 {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** A bucket for this file only. */
  readonly bucket: string;
  /** The variables that another process needs to reach it; this process has them. */
  readonly env: Record<string, string>;
  /** Access without a stage. */
  readonly client: S3Client;
  /** Null for moto. */
  readonly gateway: Gateway | null;
  close(): Promise<void>;
}

const describeUnless =
  (missing: string | null) =>
  (title: string, tests: () => void): void =>
    describe(title, missing === null ? tests : () => it.skip(`NOT TESTED: ${missing}`, () => {}));

const isGateway = GATEWAY !== undefined;
const withoutPython = hasPython ? null : 'the server needs Python, see scripts/python-env.mjs';

/** Tests that need S3, of any server. */
export const describeS3 = describeUnless(isGateway ? null : withoutPython);

/** Tests of what a real server does not do. */
export const describeMoto = describeUnless(isGateway ? 'the server of npm test is needed' : withoutPython);

/** Tests of what moto does not do. */
export const describeGateway = describeUnless(isGateway ? null : 'the server of npm run test:s3 is needed');

const USER = { access: 'test', secret: 'not a secret' };

/**
 * `through`: returns the URL that stages use, such as a proxy's. `folder`: where a real server keeps its
 * buckets.
 */
export async function startS3({
  through = (url: string): string => url,
  folder,
}: { through?: (url: string) => string; folder?: string } = {}): Promise<TestS3> {
  const gateway = isGateway ? await startGateway(USER, folder) : null;
  const server = gateway ?? (await startPythonServer('s3_server'));
  const env = {
    AWS_ENDPOINT_URL_S3: through(server.url),
    AWS_ACCESS_KEY_ID: USER.access,
    AWS_SECRET_ACCESS_KEY: USER.secret,
    AWS_REGION: 'us-east-1',
    // Neither this machine's cloud nor the user's profile is consulted.
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
  Object.assign(process.env, env);
  const client = new S3Client({ endpoint: server.url, forcePathStyle: true });
  const bucket = `partwise-${randomUUID().slice(0, 8)}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    url: server.url,
    bucket,
    env,
    client,
    gateway,
    async close() {
      client.destroy();
      await server.end();
    },
  };
}

/** A server that checks credentials, at which none of the user above are valid. */
export function startStrictS3(): Promise<{ url: string; end(): Promise<void> }> {
  return isGateway
    ? startGateway({ ...USER, secret: 'another' })
    : startPythonServer('s3_server', { INITIAL_NO_AUTH_ACTION_COUNT: '0' });
}
