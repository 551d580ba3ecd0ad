/** Text in command lines that messages suggest. */

/** Quotes the text for a POSIX shell if necessary. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
