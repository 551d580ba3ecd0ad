/** A row: see `data` for how warehouse types map to JavaScript types. */
export type Row = Record<string, unknown>;

/**
 * Sets a property whose name comes from a user's table. Assigning `__proto__` would change the object's
 * prototype; all other names of `Object.prototype` are safe, because an own property hides them.
 */
export function setOwn<T>(object: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  else object[name] = value;
}
