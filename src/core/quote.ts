/** Formats values for error messages. */

/** A short, recognizable form of a value, on one line. */
export function quote(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? `a ${typeof value}`);
  } catch {
    text = typeof value === 'bigint' ? `${value}n` : 'an object';
  }
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}

/**
 * `a Map`, `a function`, `an Invoice`: for sentences. Never throws, even if the value's getters or proxies
 * do.
 */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const name = typeof value === 'object' ? classOf(value) : typeof value;
  return /^[aeio]/i.test(name) ? `an ${name}` : `a ${name}`;
}

function classOf(value: object): string {
  try {
    const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
    const name = prototype?.constructor?.name;
    if (typeof name === 'string' && name !== '' && name !== 'Object') return name;
    // `Generator`, `Module`: objects of the language whose constructor does not name them.
    return Object.prototype.toString.call(value).slice('[object '.length, -1);
  } catch {
    // The value has a getter, or is a Proxy, that throws.
    return 'Object';
  }
}
