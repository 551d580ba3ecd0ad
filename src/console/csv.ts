/** Lines of CSV. Pure. */

/** With a line end. Null is an empty field, an empty text is quoted. */
export function csvRecord(values: readonly (string | number | boolean | null)[]): string {
  return `${values.map(field).join(',')}\r\n`;
}

/** Spreadsheets take text that begins like this for a formula, whoever wrote it. */
const FORMULA = /^[=+\-@\t\r]/;

function field(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
