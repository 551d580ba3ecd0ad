/**
 * Dates have milliseconds, and columns microseconds or nanoseconds. A Date that was read from a column keeps
 * the rest with it, out of sight, so that one which a function returns as it is loses nothing.
 */

/** A class whose fields can be added to any object. */
class Own {
  constructor(object: object) {
    return object;
  }
}

/** A private field of a Date: faster than a WeakMap, and invisible in comparisons, copies and output. */
class Rest extends Own {
  readonly #time: number;
  readonly #nanos: number;

  constructor(date: Date, nanos: number) {
    super(date);
    this.#time = date.getTime();
    this.#nanos = nanos;
  }

  static of(date: Date): number {
    // A Date can be changed; the rest belongs to the time that it was made with.
    return #nanos in date && date.#time === Date.prototype.getTime.call(date) ? date.#nanos : 0;
  }
}

/** A Date of a time that has `nanos` nanoseconds (0 to 999,999) beyond the millisecond. */
export function exactDate(time: number, nanos: number): Date {
  const date = new Date(time);
  if (nanos !== 0) new Rest(date, nanos);
  return date;
}

/** The nanoseconds of a Date beyond its millisecond, 0 to 999,999: 0 unless it was read from a column. */
export function nanosOf(date: Date): number {
  return Rest.of(date);
}

/** The digits of a Date's seconds beyond milliseconds, without zeros at the end. */
export function restDigits(date: Date): string {
  const nanos = nanosOf(date);
  return nanos === 0 ? '' : String(nanos).padStart(6, '0').replace(/0+$/, '');
}
