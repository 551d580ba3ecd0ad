/** `a Map`, `a function`, `an Invoice`: for sentences. Never throws, whatever the value does when it is looked at. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name = typeof value === 'object' ? classOf(value) : typeof value;
  return /^[aeio]/i.test(name) ? `an ${name}` : `a ${name}`;
}

function classOf(value: object): string {
  try {
    const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
    const name = prototype?.constructor?.name;
    return typeof name === 'string' && name !== '' ? name : 'Object';
  } catch {
    // A getter or a Proxy that throws.
    return 'Object';
  }
}
