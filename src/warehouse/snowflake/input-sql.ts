/**
 * SQL of an input is pasted into Partwise's own statements, in parentheses. There is no parser for
 * Snowflake's SQL here, so only quotes, comments and parentheses are recognized as Snowflake does, and
 * ambiguous texts are refused.
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
    // Unclosed ones.
    '\\$\\$',
    '/\\*',
    '[\\s\\S]',
  ].join('|'),
  'g',
);

/** Why a text could reach beyond the parentheses around it, or null if it cannot. */
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
    // In a path on a stage, what looks like a comment may be part of the path, or the reverse.
    else if (part.startsWith('@') && /--|\/\/|\/\*/.test(part))
      return `${part} contains what could be a comment: put it in quotation marks, as '${part}'`;
    else if (part.startsWith('//') && /[()'"$;*]/.test(part))
      return 'a comment that starts with // contains brackets or quotation marks: start it with --';
  }
  return depth > 0 ? 'it opens a parenthesis that it does not close' : null;
}
