/** Parameters of a request, whose types are checked as they are read. */
import { isObject } from '../../core/json';

/** The parameters of an operation are wrong; the message says which. */
export class BadParams extends Error {
  override name = 'BadParams';
}

export class Params {
  /** Throws `BadParams` for a name that the operation does not take. */
  constructor(
    private readonly operation: string,
    takes: readonly string[],
    private readonly values: Readonly<Record<string, unknown>>,
  ) {
    const unknown = Object.keys(values).find((name) => !takes.includes(name));
    if (unknown === undefined) return;
    const known = takes.length === 0 ? 'no parameters' : takes.join(', ');
    throw new BadParams(
      `The operation "${operation}" has no parameter ${JSON.stringify(unknown)}; it takes ${known}.`,
    );
  }

  string(name: string): string {
    const value = this.optionalString(name);
    if (value === undefined) throw this.#bad(name, 'a string');
    return value;
  }

  optionalString(name: string): string | undefined {
    return this.#optional(name, 'a string', (value): value is string => typeof value === 'string');
  }

  optionalNumber(name: string): number | undefined {
    return this.#optional(name, 'a number', (value): value is number => typeof value === 'number');
  }

  /** ISO 8601. */
  optionalTime(name: string): Date | undefined {
    const isTime = (value: unknown): value is string =>
      typeof value === 'string' && !Number.isNaN(Date.parse(value));
    const text = this.#optional(name, 'a time such as "2026-11-01T06:00:00Z"', isTime);
    return text === undefined ? undefined : new Date(text);
  }

  optionalFlag(name: string): boolean | undefined {
    return this.#optional(name, 'true or false', (value): value is boolean => typeof value === 'boolean');
  }

  strings(name: string): string[] {
    const areStrings = (value: unknown): value is string[] =>
      Array.isArray(value) && value.every((each) => typeof each === 'string');
    const value = this.#optional(name, 'a list of strings', areStrings);
    if (value === undefined) throw this.#bad(name, 'a list of strings');
    return value;
  }

  object(name: string): Record<string, unknown> {
    return this.#optional(name, 'an object', isObject) ?? {};
  }

  optionalNumberOrString(name: string): number | string | undefined {
    return this.#optional(name, 'a number or a string', (value): value is number | string =>
      ['number', 'string'].includes(typeof value),
    );
  }

  /** Of a model. */
  version(): number | string {
    const value = this.optionalNumberOrString('version');
    if (value === undefined) throw this.#bad('version', 'a number or an alias');
    return value;
  }

  #optional<T>(name: string, takes: string, fits: (value: unknown) => value is T): T | undefined {
    const value = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (!fits(value)) throw this.#bad(name, takes);
    return value;
  }

  #bad(name: string, takes: string): BadParams {
    const given = Object.hasOwn(this.values, name) ? `is ${JSON.stringify(this.values[name])}` : 'is missing';
    return new BadParams(`"${name}" of the operation "${this.operation}" ${given}; it takes ${takes}.`);
  }
}
