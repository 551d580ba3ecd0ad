/** Finds the user's own code in a stack trace. Pure. */

export interface StackPlace {
  file: string;
  line: number;
}

/** The first frame outside packages, or the first frame if there is none; null without any frame. */
export function userPlace(stack: string | null): StackPlace | null {
  const frames = (stack ?? '').split('\n').flatMap((text): StackPlace[] => {
    const frame = /^\s+at (?:.* \()?(?:async )?(.+?):(\d+):\d+\)?$/.exec(text);
    return frame === null ? [] : [{ file: frame[1]!, line: Number(frame[2]) }];
  });
  return frames.find(({ file }) => !/[\\/]node_modules[\\/]/.test(file)) ?? frames[0] ?? null;
}
