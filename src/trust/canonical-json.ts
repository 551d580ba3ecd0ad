/**
 * JSON with sorted keys: equal values give equal text, regardless of how they were written or encoded.
 */
export function canonicalJson(value: unknown): string {
  // The other side sees the value after serialization (dates become strings, undefined fields are dropped).
  const wire = JSON.stringify(value) as string | undefined;
  return wire === undefined ? 'null' : render(JSON.parse(wire));
}

function render(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(render).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${render(field)}`).join(',')}}`;
}
