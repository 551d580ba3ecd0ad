/** A value as it comes from a row: see `data` for how warehouse types become JavaScript's. */
export type Row = Record<string, unknown>;

/**
 * Sets a property whose name comes from a user's table. Assigning `__proto__` would change the object's
 * prototype, and no other name of `Object.prototype` is special: an own property hides it.
 */
export function setOwn<T>(object: Record<string, T>, name: string, value: T): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  else object[name] = value;
}
