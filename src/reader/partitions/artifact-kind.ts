/** What an artifact is, from its first bytes and its name: a signature wins over the name. Pure. */
import { isUtf8 } from 'node:buffer';
import type { ArtifactRef } from '../../core/files';

/** `text`: any other UTF-8. `binary`: anything else. */
export type ArtifactKind =
  'csv' | 'parquet' | 'json' | 'svg' | 'html' | 'png' | 'jpeg' | 'gif' | 'text' | 'binary';

const SIGNATURES: readonly (readonly [ArtifactKind, Buffer])[] = [
  ['png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])],
  ['jpeg', Buffer.from([0xff, 0xd8, 0xff])],
  ['gif', Buffer.from('GIF8')],
  ['parquet', Buffer.from('PAR1')],
];

export function artifactKind(
  { name, codec }: Pick<ArtifactRef, 'name' | 'codec'>,
  head: Buffer,
): ArtifactKind {
  const signed = SIGNATURES.find(([, bytes]) => head.subarray(0, bytes.length).equals(bytes));
  if (signed !== undefined) return signed[0];
  if (!isText(head)) return 'binary';
  // A name does not make a picture or a page of something else, since programs may trust the kind.
  const start = head
    .subarray(0, 1_024)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart()
    .toLowerCase();
  if (/^(<\?xml[^]*?)?(<!--[^]*?-->\s*|<!doctype svg[^]*?>\s*)*<svg[\s>]/.test(start)) return 'svg';
  if (/^<(!doctype html|html|head|body|script)\b/.test(start)) return 'html';
  const ending = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase();
  if (codec === 'csv' || ending === 'csv' || ending === 'tsv') return 'csv';
  if (codec === 'json' || ending === 'json') return 'json';
  return 'text';
}

/** UTF-8 without NUL, whose last character may be cut off. */
function isText(head: Buffer): boolean {
  if (head.includes(0)) return false;
  return [0, 1, 2, 3].some((cut) => cut <= head.length && isUtf8(head.subarray(0, head.length - cut)));
}
