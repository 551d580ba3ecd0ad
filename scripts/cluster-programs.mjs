// The programs of a Temporal cluster: Temporal's own server, the tool that creates its schema, and
// PostgreSQL.
import { findPostgres } from './find-postgres.mjs';
import { goBinary } from './go-binary.mjs';

const version = 'v1.32.1';
const PROGRAMS = {
  CLUSTER_SERVER: {
    module: 'go.temporal.io/server/cmd/server',
    name: 'temporal-server',
    variable: 'TEMPORAL_SERVER_BIN',
  },
  CLUSTER_SQL_TOOL: {
    module: 'go.temporal.io/server/cmd/tools/sql',
    name: 'temporal-sql-tool',
    variable: 'TEMPORAL_SQL_TOOL_BIN',
  },
};

/**
 * Finds them, and builds what this machine has not. Resolves with `env`, the variables with which tests find
 * them, or `missing`, the reason why they cannot run.
 */
export async function clusterPrograms() {
  const postgres = findPostgres();
  if (postgres === null)
    return { missing: 'PostgreSQL is not installed (on Debian: apt-get install postgresql)' };
  const env = { POSTGRES_PROGRAMS: postgres };
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const { path, missing } = await goBinary({ ...program, version });
    if (missing !== undefined) return { missing };
    env[name] = path;
  }
  return { env };
}
