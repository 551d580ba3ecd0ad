/** The pools of this process: one for each connection and virtual warehouse. */
import { SessionPool } from './pool';

const pools = new Map<string, SessionPool>();

/** `warehouse`: the virtual warehouse; null: the connection's own. Nothing is connected before it is used. */
export function poolOf(connection: string, warehouse: string | null = null): SessionPool {
  const key = JSON.stringify([connection, warehouse]);
  const known = pools.get(key);
  if (known !== undefined) return known;
  const pool = new SessionPool(connection, warehouse);
  pools.set(key, pool);
  return pool;
}

/** Closes the sessions that nobody uses; one that is asked for later is opened anew. */
export async function closeSessions(): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.close()));
}
