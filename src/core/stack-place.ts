/** Finds the user's own code in a stack trace of Node or Python. Pure. */

export interface StackPlace {
  file: string;
  line: number;
}

/** The innermost frame outside packages, or the innermost if there is none; null without any frame. */
export function userPlace(stack: string | null): StackPlace | null {
  const lines = (stack ?? '').split('\n');
  const ofNode = lines.flatMap((text) =>
    placeOf(/^\s+at (?:.* \()?(?:async )?(.+?):(\d+):\d+\)?$/.exec(text)),
  );
  // Python's traceback ends with the innermost frame.
  const ofPython = lines
    .flatMap((text) => placeOf(/^ +(?:\| +)?File "(.+?)", line (\d+)/.exec(text)))
    .reverse();
  const frames = ofNode.length > 0 ? ofNode : ofPython;
  return frames.find(({ file }) => !PACKAGES.test(file)) ?? frames[0] ?? null;
}

const PACKAGES = /[\\/](node_modules|site-packages|dist-packages)[\\/]|[\\/]lib[\\/]python3[.\d]*[\\/]/;

function placeOf(frame: RegExpExecArray | null): StackPlace[] {
  return frame === null ? [] : [{ file: frame[1]!, line: Number(frame[2]) }];
}
