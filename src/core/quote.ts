/** A value as a person would recognise it, on one line and short. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? `a ${typeof value}`);
  } catch {
    text = typeof value === 'bigint' ? `${value}n` : 'an object';
  }
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
