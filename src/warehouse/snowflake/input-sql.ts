/**
 * SQL that comes with an input is pasted into statements of Partwise's own, between parentheses. Nothing here
 * parses Snowflake's SQL, so a text is read as Snowflake reads its quotes, comments and parentheses, and is
 * refused where that is not certain.
 */

const PART = new RegExp(
  [
    "'(?:[^'\\\\]|''|\\\\[\\s\\S])*'",
    '"(?:[^"]|"")*"',
    '\\$\\$[\\s\\S]*?\\$\\$',
    '--[^\\n]*',
    '//[^\\n]*',
    '/\\*[\\s\\S]*?\\*/',
    '@[^\\s\'"();,]+',
    // Those that have no end.
    '\\$\\$',
    '/\\*',
    '[\\s\\S]',
  ].join('|'),
  'g',
);

/** Why a text could reach beyond the parentheses that it is put into; null when it cannot. */
export function unclosedProblem(text: string): string | null {
  let depth = 0;
  for (const [part] of text.matchAll(PART)) {
    if (part === '(') depth++;
    else if (part === ')' && --depth < 0) return 'it closes a parenthesis that it did not open';
    else if (part === ';') return 'it contains a semicolon, but only one statement is allowed';
    else if (part === '$$' || part === '/*') return `${part} is not closed`;
    else if (part === "'" || part === '"') return `a quotation mark (${part}) is not closed`;
    else if (part.startsWith('/*') && part.slice(2).includes('/*'))
      return 'it has a comment inside a comment';
    else if (/^(--|\/\/).*\r./s.test(part)) return 'a comment contains a carriage return';
    // A path on a stage may hold what is a comment elsewhere, and the other way round.
    else if (part.startsWith('@') && /--|\/\/|\/\*/.test(part))
      return `${part} contains what could be a comment: put it in quotation marks, as '${part}'`;
    else if (part.startsWith('//') && /[()'"$;*]/.test(part))
      return 'a comment that starts with // contains brackets or quotation marks: start it with --';
  }
  return depth > 0 ? 'it opens a parenthesis that it does not close' : null;
}
