// Node's own util.styleText is newer than the oldest Node that Partwise runs on.
const CODES = { bold: [1, 22], dim: [2, 22], cyan: [36, 39], green: [32, 39] };
const colours = process.stdout.isTTY === true && !process.env.NO_COLOR;

export function styleText(style, text) {
  const [on, off] = CODES[style];
  return colours ? `\x1b[${on}m${text}\x1b[${off}m` : text;
}
