/** Settings that take one of a few words. The first is the default. */
export const CHOICES = {
  mode: ['replace', 'partitions', 'append'],
  onExisting: ['error', 'overwrite', 'retry'],
  onMissing: ['error', 'skip', 'fallback'],
  onUnchanged: ['run', 'reuse'],
  overlap: ['skip', 'buffer-one', 'buffer-all', 'cancel-other', 'terminate-other', 'allow-all'],
  snapshot: ['stage', 'none'],
} as const;

/** `"error", "overwrite" or "retry"` */
export function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}
