/**
 * JSON for artifacts, models, progress and nested cells: it supports bigints and Dates, and errors name the
 * place.
 */
import { restDigits } from './exact-date';
import { describe } from './quote';

/** A value that JSON cannot represent. The message begins with the caller's name for the value. */
export class NotJson extends Error {
  override name = 'NotJson';
  readonly nonRetryable = true;
}

/**
 * True for objects with properties, including instances of the user's classes; false for a Map, Date, Promise
 * or typed array.
 */
export function isObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** JSON parsers recurse, here and in other languages: Python's stops at about this many levels. */
const MAX_DEPTH = 1_000;
/** Longer places are truncated in messages. */
const MAX_PLACE = 100;

/** UTF-8 cannot encode half of a character, so it would be read back as a different one. */
export const WHY_NO_SURROGATE =
  ' (half of a character such as an emoji), which cannot be stored. Cut text between characters, or call text.toWellFormed().';

/**
 * Like `JSON.stringify`, but bigints become numbers if safe and otherwise strings, Uint8Arrays become base64
 * strings, and values that JSON would drop silently (a Map, a function) or cannot represent (a cycle, NaN, a
 * lone surrogate) are refused. `what` begins the error message.
 */
export function encodeJson(value: unknown, what: string, indent?: number): string {
  return JSON.stringify(new Preparation(what, true).prepare(value), null, indent) ?? 'null';
}

/** The same for cells, which DuckDB and warehouses read: bigints keep all of their digits as numbers. */
export function encodeJsonCell(value: unknown, what: string): string {
  const preparation = new Preparation(what, true, (bigint) => bigint);
  const prepared = preparation.prepare(value);
  return preparation.hasBigints ? withBigints(prepared) : (JSON.stringify(prepared) ?? 'null');
}

/** `JSON.stringify` for a prepared value that contains bigints. */
function withBigints(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(withBigints).join(',')}]`;
  const entries = Object.entries(value).map(
    ([name, entry]) => `${JSON.stringify(name)}:${withBigints(entry)}`,
  );
  return `{${entries.join(',')}}`;
}

/**
 * The same for displaying existing values: numbers and dates that JSON cannot represent become strings, and
 * values that are nested too deeply are cut off.
 */
export function showJson(value: unknown, indent?: number): string {
  return JSON.stringify(new Preparation('The value', false).prepare(value), null, indent) ?? 'null';
}

/** Copies a value, converting everything to what JSON can represent. */
class Preparation {
  /** The objects around the current place, and the path to it. */
  readonly #open: object[] = [];
  readonly #path: (string | number)[] = [];

  /** Whether there were bigints that are not safe numbers. */
  hasBigints = false;

  constructor(
    private readonly what: string,
    private readonly strict: boolean,
    private readonly toJson: (bigint: bigint) => unknown = String,
  ) {}

  prepare(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        if (this.strict && !value.isWellFormed()) this.#refuse('contains a lone surrogate', WHY_NO_SURROGATE);
        return value;
      case 'number':
        if (Number.isFinite(value)) return value;
        if (this.strict)
          this.#refuse(`contains ${value}`, ', which JSON cannot represent. Use null, or a string.');
        return String(value);
      case 'bigint':
        if (Number.isSafeInteger(Number(value))) return Number(value);
        this.hasBigints = true;
        return this.toJson(value);
      case 'function':
      case 'symbol':
        return this.#refuse(`contains ${describe(value)}`, ', which JSON cannot represent. Leave it out.');
      case 'object':
        return value === null ? null : this.#prepareObject(value);
      default:
        return value;
    }
  }

  #prepareObject(value: object): unknown {
    if (value instanceof Date) {
      if (!Number.isNaN(value.getTime())) return value.toISOString().replace(/Z$/, `${restDigits(value)}Z`);
      return this.strict
        ? this.#refuse('contains an invalid Date', '. Use a valid one, or null.')
        : 'Invalid Date';
    }
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
    if (!this.strict && this.#open.length === MAX_DEPTH) return '…';
    if (this.#open.includes(value))
      this.#refuse('contains itself', ', so it cannot be written as JSON. Pass a copy without the cycle.');
    if (this.#open.length === MAX_DEPTH) {
      const levels = `more than ${MAX_DEPTH.toLocaleString('en')} levels`;
      this.#refuse('is nested too deeply', `: ${levels}. Store it in a flatter form.`);
    }
    this.#open.push(value);
    const prepared = this.#prepareOpen(value);
    this.#open.pop();
    return prepared;
  }

  #prepareOpen(value: object): unknown {
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)))
      return Array.from(value as unknown[], (item, i) => this.#prepareAt(i, item ?? null));
    if ('toJSON' in value && typeof value.toJSON === 'function')
      return this.prepare((value as { toJSON(): unknown }).toJSON());
    if (!isObject(value)) {
      const hint =
        value instanceof Map
          ? 'Use Object.fromEntries(map).'
          : value instanceof Set
            ? 'Use [...set].'
            : 'Leave it out.';
      this.#refuse(`contains ${describe(value)}`, `, which JSON cannot represent. ${hint}`);
    }
    // Not assigned one by one, so that "__proto__" is an ordinary name.
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([name, entry]) => {
          if (this.strict && !name.isWellFormed())
            this.#refuse('has a name with a lone surrogate', WHY_NO_SURROGATE);
          return [name, this.#prepareAt(name, entry)];
        }),
    );
  }

  #prepareAt(step: string | number, value: unknown): unknown {
    this.#path.push(step);
    const prepared = this.prepare(value);
    this.#path.pop();
    return prepared;
  }

  /**
   * `contains a Map` and `, which JSON cannot represent.` → `The result contains a Map at "a.b[0]", which …`
   */
  #refuse(problem: string, rest: string): never {
    const place = this.#place();
    throw new NotJson(`${this.what} ${problem}${place === '' ? '' : ` at "${place}"`}${rest}`);
  }

  #place(): string {
    const text = this.#path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
      .join('')
      .replace(/^\./, '');
    return text.length <= MAX_PLACE ? text : `${text.slice(0, MAX_PLACE)}…`;
  }
}
