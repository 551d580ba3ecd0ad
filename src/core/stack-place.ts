/** Finds the user's own code in a stack trace of Node or Python. Pure. */

export interface StackPlace {
  file: string;
  line: number;
}

const OF_NODE = /^\s+at (?:.* \()?(?:async )?(.+?):(\d+):\d+\)?$/;
const OF_PYTHON = /^ +(?:\| +)?File "(.+?)", line (\d+)/;

/** The innermost frame outside packages, or the innermost if there is none; null without any frame. */
export function userPlace(stack: string | null): StackPlace | null {
  const lines = (stack ?? '').split('\n');
  const ofNode = lines.flatMap((text) => placeOf(OF_NODE.exec(text)));
  // Python's traceback ends with the innermost frame.
  const ofPython = lines.flatMap((text) => placeOf(OF_PYTHON.exec(text))).reverse();
  const frames = ofNode.length > 0 ? ofNode : ofPython;
  return frames.find(({ file }) => !PACKAGES.test(file)) ?? frames[0] ?? null;
}

/**
 * The stack without the frames of packages, and of the message above the frames; null if that leaves nothing
 * out or nothing over. A line of code below a frame of Python goes with it.
 */
export function ownFrames(stack: string): string | null {
  const lines = stack.split('\n');
  const files = lines.map((text) => (OF_NODE.exec(text) ?? OF_PYTHON.exec(text))?.[1] ?? null);
  const first = files.findIndex((file) => file !== null);
  let isKept = false;
  const kept = lines.filter((_, i) => {
    const file = files[i]!;
    if (file !== null) isKept = !PACKAGES.test(file);
    return i >= first && isKept;
  });
  return first === -1 || kept.length === 0 || kept.length === lines.length - first ? null : kept.join('\n');
}

/** Files of packages, and of Node and Python themselves. */
const PACKAGES =
  /^node:|[\\/](node_modules|site-packages|dist-packages)[\\/]|[\\/]lib[\\/]python3[.\d]*[\\/]/;

function placeOf(frame: RegExpExecArray | null): StackPlace[] {
  return frame === null ? [] : [{ file: frame[1]!, line: Number(frame[2]) }];
}
