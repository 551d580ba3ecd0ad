/** The user's cache, shared by all projects. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export function userCache(env: NodeJS.ProcessEnv): string {
  return env['PARTWISE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'partwise');
}
