/** This process's pools: one for each connection and virtual warehouse. */
import { connectionOptions } from './connection-options';
import { SessionPool } from './pool';

const pools = new Map<string, SessionPool>();
/** The last known settings of connections. */
const settings = new Map<string, string>();

/**
 * `warehouse` is the virtual warehouse, or null for the connection's own. A pool connects when it is first
 * used.
 */
export function poolOf(connection: string, warehouse: string | null = null): SessionPool {
  const key = JSON.stringify([connection, warehouse, settingsOf(connection)]);
  const known = pools.get(key);
  if (known !== undefined) return known;
  const pool = new SessionPool(connection, warehouse);
  pools.set(key, pool);
  return pool;
}

/** If a connection's settings change, a new pool is used; if they cannot be read, the old one still is. */
function settingsOf(connection: string): string | undefined {
  try {
    settings.set(connection, JSON.stringify(connectionOptions(connection)));
  } catch {
    // The next login reports it.
  }
  return settings.get(connection);
}

/** Closes idle sessions. Later work opens new ones. */
export async function closeSessions(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}
