/**
 * A cursor of a list, with a mark: servers answer invalid ones with an unhelpful error, and only after half a
 * minute.
 */
export class Cursor {
  constructor(private readonly mark: string) {}

  encode(position: Uint8Array): string {
    return `${this.mark}${Buffer.from(position).toString('base64url')}`;
  }

  /** Throws `RangeError` for anything but a cursor of this list. */
  decode(after: string): Buffer {
    if (after.startsWith(this.mark)) return Buffer.from(after.slice(this.mark.length), 'base64url');
    throw new RangeError(`"${after}" is not a cursor: pass the "next" of the previous page unchanged.`);
  }
}
