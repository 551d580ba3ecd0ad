/** `partwise clean` on a seed's stage. What checkpoints recorded, and when, is noted before. */
import { segmentTimes } from './stage-files';
import type { World } from './world';

/** Throws unless it ends with this code. Returns what it has printed. */
export async function clean(world: World, selection: readonly string[], code: number): Promise<string> {
  world.segments.push(...(await segmentTimes(world)));
  const { code: ended, text } = await world.finish('clean', ...selection, '--yes');
  if (ended === code) return text;
  throw new Error(`partwise clean ${selection.join(' ')} ended with ${ended}: ${text}`);
}
