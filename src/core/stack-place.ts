/** Where the user's own code stands in a stack. Pure. */

export interface StackPlace {
  file: string;
  line: number;
}

/** The first frame that is no package's; null when there is none at all. */
export function userPlace(stack: string | null): StackPlace | null {
  const frames = (stack ?? '').split('\n').flatMap((text): StackPlace[] => {
    const frame = /^\s+at (?:.* \()?(?:async )?(.+?):(\d+):\d+\)?$/.exec(text);
    return frame === null ? [] : [{ file: frame[1]!, line: Number(frame[2]) }];
  });
  return frames.find(({ file }) => !/[\\/]node_modules[\\/]/.test(file)) ?? frames[0] ?? null;
}
