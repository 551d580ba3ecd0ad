/** The labels of units, which Temporal's UI shows as the summary of their activities. */

/** Temporal's UI shows a summary on one line, and the server refuses long ones. */
const LABEL_BYTES = 200;
/** Maximum number of partitions named in the label of scattered ones. */
const MAX_NAMED = 5;

/** `first … last`; the label itself if both are the same. */
export function rangeLabel(first: string, last: string): string {
  return fitting(first === last ? first : `${first} … ${last}`);
}

/**
 * Scattered partitions by name: `New York, Boston and 3 more`, with as many names as fit. `ids` are those
 * that are known; null if there are none.
 */
export function namesLabel(ids: readonly string[], partitions: number, prefix = ''): string | null {
  for (let named = Math.min(ids.length, MAX_NAMED); named > 0; named--) {
    const left = partitions - named;
    const names = prefix + ids.slice(0, named).join(', ');
    const more = left === 0 ? '' : ` and ${left} more`;
    if (bytesOf(names + more) <= LABEL_BYTES) return names + more;
    if (named === 1) return fitting(names, bytesOf(more)) + more;
  }
  return null;
}

/** Cuts a label, without breaking a character, to leave `reserved` bytes. */
function fitting(label: string, reserved = 0): string {
  const room = LABEL_BYTES - reserved;
  if (bytesOf(label) <= room) return label;
  let kept = '';
  let bytes = bytesOf('…');
  for (const character of label) {
    bytes += bytesOf(character);
    if (bytes > room) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Length in UTF-8. Workflow code has no `Buffer`. */
export function bytesOf(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
