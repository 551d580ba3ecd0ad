// A real server that speaks S3.
import { goBinary } from './go-binary.mjs';

/**
 * Finds it, and builds it if this machine has none. Resolves with `env`, the variable with which tests find
 * it, or `missing`, the reason why they cannot run.
 */
export async function s3Server() {
  const { path, missing } = await goBinary({
    module: 'github.com/versity/versitygw/cmd/versitygw',
    version: 'v1.8.0',
    name: 'versitygw',
    variable: 'VERSITYGW_BIN',
  });
  return missing === undefined ? { env: { VERSITYGW_BIN: path } } : { missing };
}
