/** The stage of a seed with `--s3`: a bucket of an S3 server, over a folder that the checks read. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startGateway, type Gateway } from '../support/s3-gateway';

export const BUCKET = 'chaos';
/** Below it, the bucket's folder has the stage; beside it, what the server itself keeps there. */
export const PREFIX = 'stage';
export const STORE_SECRET = 'canary-s3-secret-8b1f20';

/** Its address and keys are variables of this process, which the seed's processes inherit. */
export async function startStore(folder: string): Promise<Gateway> {
  const user = { access: 'chaos', secret: STORE_SECRET };
  mkdirSync(join(folder, BUCKET, PREFIX), { recursive: true });
  const gateway = await startGateway(user, folder);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: user.access,
    AWS_SECRET_ACCESS_KEY: user.secret,
  });
  return gateway;
}
