/** Reads the zip files that `python/partwise/_code/archive.py` writes: they are not compressed. */

const END_OF_DIRECTORY = 0x06054b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const HEADER_BYTES = 30;

/** The files of an archive, by their names. Throws a RangeError if it is cut off. */
export function filesOf(archive: Uint8Array): Map<string, Buffer> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const files = new Map<string, Buffer>();
  // There is no comment, so the directory's end is the file's.
  const end = bytes.length - END_BYTES;
  if (bytes.readUInt32LE(end) !== END_OF_DIRECTORY) throw new RangeError('This is not an archive.');
  let entry = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    const size = bytes.readUInt32LE(entry + 24);
    const nameBytes = bytes.readUInt16LE(entry + 28);
    const header = bytes.readUInt32LE(entry + 42);
    const name = bytes.toString('utf8', entry + ENTRY_BYTES, entry + ENTRY_BYTES + nameBytes);
    const start = header + HEADER_BYTES + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
    files.set(name, bytes.subarray(start, start + size));
    entry += ENTRY_BYTES + nameBytes + bytes.readUInt16LE(entry + 30) + bytes.readUInt16LE(entry + 32);
  }
  return files;
}
