/** JSON as artifacts, previews and nested cells use it: BigInts, Dates and refusals that say where. */
import { describe } from './describe';

/** A value that JSON cannot hold. The message begins with what the caller calls the value. */
export class NotJson extends Error {
  override name = 'NotJson';
  readonly nonRetryable = true;
}

/**
 * Like `JSON.stringify`, but bigints become numbers where no digit is lost and else text, Uint8Arrays base64 text, and
 * what JSON would drop silently (a Map, a function) or cannot hold (a circle) is refused. `what` begins the sentence.
 */
export function encodeJson(value: unknown, what: string, indent?: number): string {
  const open: object[] = [];
  const text = JSON.stringify(prepare(value, what, '', open), null, indent);
  return text ?? 'null';
}

/** Copies the value with everything already in JSON's terms; `open` holds the objects that the path is inside of. */
function prepare(value: unknown, what: string, path: string, open: object[]): unknown {
  switch (typeof value) {
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    case 'function':
    case 'symbol':
      throw new NotJson(`${what} holds ${describe(value)}${place(path)}, which JSON cannot. Leave it out.`);
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (open.includes(value)) {
    throw new NotJson(
      `${what} contains itself${place(path)}, so it cannot be written as JSON. Pass a copy without the circle.`,
    );
  }
  open.push(value);
  const prepared = prepareObject(value, what, path, open);
  open.pop();
  return prepared;
}

function prepareObject(value: object, what: string, path: string, open: object[]): unknown {
  if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
    return Array.from(value as unknown[], (item, i) => prepare(item ?? null, what, `${path}[${i}]`, open));
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return prepare((value as { toJSON(): unknown }).toJSON(), what, path, open);
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') {
    const hint =
      value instanceof Map
        ? 'Use Object.fromEntries(map).'
        : value instanceof Set
          ? 'Use [...set].'
          : 'Leave it out.';
    throw new NotJson(`${what} holds ${describe(value)}${place(path)}, which JSON cannot. ${hint}`);
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => entry !== undefined)
      .map(([name, entry]) => [name, prepare(entry, what, path === '' ? name : `${path}.${name}`, open)]),
  );
}

function place(path: string): string {
  return path === '' ? '' : ` at "${path}"`;
}
