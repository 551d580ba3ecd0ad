/** Models and versions as given on the command line: `traffic`, `traffic@3`, `traffic@production`. */

export interface ModelReference {
  name: string;
  /** Undefined means the newest version. */
  version: number | string | undefined;
}

export function parseModel(text: string): ModelReference {
  const at = text.indexOf('@');
  if (at < 0) return { name: text, version: undefined };
  return { name: text.slice(0, at), version: asVersion(text.slice(at + 1)) };
}

/** `3` is a number, anything else an alias. */
export function asVersion(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}
