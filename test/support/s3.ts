/** S3 for a test file: moto, configured through the environment like any store. */
import { randomUUID } from 'node:crypto';
import { describe, it } from '@jest/globals';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { hasPython, startPythonServer } from './python-server';

export interface TestS3 {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** A bucket for this file only. */
  readonly bucket: string;
  /** The variables that another process needs to reach it; this process has them. */
  readonly env: Record<string, string>;
  /** Access without a stage. */
  readonly client: S3Client;
  close(): Promise<void>;
}

/** Tests that need S3; without Python, one test that reports this. */
export const describeS3 = (title: string, tests: () => void): void =>
  hasPython
    ? describe(title, tests)
    : describe(title, () =>
        it.skip('NOT TESTED: the server needs Python, see scripts/python-env.mjs', () => {}),
      );

/** `through`: returns the URL that stages use, such as a proxy's. */
export async function startS3(through: (url: string) => string = (url) => url): Promise<TestS3> {
  const server = await startPythonServer('s3_server');
  const env = {
    AWS_ENDPOINT_URL_S3: through(server.url),
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'not a secret',
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
    async close() {
      client.destroy();
      await server.end();
    },
  };
}
