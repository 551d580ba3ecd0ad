/** Names of folders and files for any text, on any file system. */
import { sha256Of } from './digest';

/**
 * Any string as a folder name: percent-encoded, and truncated to 80 characters with a hash so that two
 * strings never share a folder.
 */
export function folderName(text: string): string {
  const encoded = encodeURIComponent(text)
    .replace(/\*/g, '%2A')
    .replace(/^\.+$/, (dots) => '%2E'.repeat(dots.length));
  return encoded.length <= 80 ? encoded : `${encoded.slice(0, 63)}-${shortDigest(text)}`;
}

/** Tells texts apart whose names would be the same. */
export function shortDigest(text: string): string {
  return sha256Of(text).slice(0, 16);
}
