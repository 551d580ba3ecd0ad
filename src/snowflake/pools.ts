/** The pools of this process: one for each connection and virtual warehouse. */
import { connectionOptions } from './connection-options';
import { SessionPool } from './pool';

const pools = new Map<string, SessionPool>();
/** What connections last said. */
const settings = new Map<string, string>();

/** `warehouse`: the virtual warehouse; null: the connection's own. Nothing is connected before it is used. */
export function poolOf(connection: string, warehouse: string | null = null): SessionPool {
  const key = JSON.stringify([connection, warehouse, settingsOf(connection)]);
  const known = pools.get(key);
  if (known !== undefined) return known;
  const pool = new SessionPool(connection, warehouse);
  pools.set(key, pool);
  return pool;
}

/** Who mends a connection is not lent the sessions that it had; while nobody can read it, they go on. */
function settingsOf(connection: string): string | undefined {
  try {
    settings.set(connection, JSON.stringify(connectionOptions(connection)));
  } catch {
    // Told by the next login.
  }
  return settings.get(connection);
}

/** Closes the sessions that nobody uses; one that is asked for later is opened anew. */
export async function closeSessions(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}
