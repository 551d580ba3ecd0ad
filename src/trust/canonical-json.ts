/**
 * JSON with sorted keys: equal values give equal text, however the input was written or encoded on its way.
 */
export function canonicalJson(value: unknown): string {
  // What the wire makes of it (dates become text, undefined fields go) is what the other side sees.
  const wire = JSON.stringify(value) as string | undefined;
  return wire === undefined ? 'null' : render(JSON.parse(wire));
}

function render(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(render).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${render(field)}`).join(',')}}`;
}
