/**
 * The form of an encrypted object: a header, then frames of 64 KiB, each with its own tag, so that a part can
 * be read without the rest (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
 *
 * - Header, 112 bytes: `PARTWIS1`, the length and the bytes of the key's id (64 at most), 32 bytes of salt,
 *   and 7 that tell another key of the same id from a damaged object.
 * - Each object has a key of its own: HKDF-SHA256 of the key, with the salt. So nonces can count: the number
 *   of the frame, and whether it is the last one, without which an object could be cut short unseen.
 * - The object's path is authenticated, so that objects cannot take each other's place.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { PayloadKey } from '../trust/payload-keys';

const MAGIC = Buffer.from('PARTWIS1');
const ID_AT = MAGIC.length + 1;
const MAX_ID_BYTES = 64;
const SALT_AT = ID_AT + MAX_ID_BYTES;
const SALT_BYTES = 32;
const CHECK_AT = SALT_AT + SALT_BYTES;
export const HEADER_BYTES = 112;
export const FRAME_BYTES = 64 * 1024;
const TAG_BYTES = 16;
export const STORED_FRAME_BYTES = FRAME_BYTES + TAG_BYTES;
const CIPHER = 'aes-256-gcm';

export interface Header {
  keyId: string;
  salt: Buffer;
  check: Buffer;
}

export function newHeader(key: PayloadKey): Header {
  const salt = randomBytes(SALT_BYTES);
  return { keyId: key.id, salt, check: checkOf(key, salt) };
}

/** Whether the object was encrypted with this key. */
export function isOfKey({ salt, check }: Header, key: PayloadKey): boolean {
  return checkOf(key, salt).equals(check);
}

function checkOf({ bytes }: PayloadKey, salt: Buffer): Buffer {
  const code = createHmac('sha256', bytes).update('partwise stage').update(salt).digest();
  return code.subarray(0, HEADER_BYTES - CHECK_AT);
}

export function headerToBytes({ keyId, salt, check }: Header): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes);
  bytes.writeUInt8(Buffer.byteLength(keyId), MAGIC.length);
  bytes.write(keyId, ID_AT);
  salt.copy(bytes, SALT_AT);
  check.copy(bytes, CHECK_AT);
  return bytes;
}

/** Null if the bytes do not begin with a header. */
export function headerFrom(bytes: Uint8Array): Header | null {
  const header = Buffer.from(bytes);
  if (header.length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) return null;
  const length = header.readUInt8(MAGIC.length);
  if (length > MAX_ID_BYTES) return null;
  return {
    keyId: header.toString('utf8', ID_AT, ID_AT + length),
    salt: header.subarray(SALT_AT, CHECK_AT),
    check: header.subarray(CHECK_AT, HEADER_BYTES),
  };
}

/** Encrypts and decrypts the frames of one object. */
export class ObjectCipher {
  readonly #key: Buffer;
  readonly #path: Buffer;

  constructor(key: PayloadKey, header: Header, path: string) {
    this.#key = Buffer.from(hkdfSync('sha256', key.bytes, header.salt, 'partwise stage', key.bytes.length));
    this.#path = Buffer.from(path);
  }

  encrypt(frame: Uint8Array, number: number, isLast: boolean): Buffer {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(number, isLast)).setAAD(this.#path);
    return Buffer.concat([cipher.update(frame), cipher.final(), cipher.getAuthTag()]);
  }

  /** Null if it is not this frame of this object. */
  decrypt(stored: Uint8Array, number: number, isLast: boolean): Buffer | null {
    if (stored.length < TAG_BYTES) return null;
    const nonce = nonceOf(number, isLast);
    const decipher = createDecipheriv(CIPHER, this.#key, nonce, { authTagLength: TAG_BYTES }).setAAD(
      this.#path,
    );
    decipher.setAuthTag(stored.subarray(stored.length - TAG_BYTES));
    try {
      return Buffer.concat([
        decipher.update(stored.subarray(0, stored.length - TAG_BYTES)),
        decipher.final(),
      ]);
    } catch {
      return null;
    }
  }
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(number, 7);
  nonce.writeUInt8(isLast ? 1 : 0, 11);
  return nonce;
}

/** Size of the content of an object of this size; its own size if it cannot be an encrypted object. */
export function contentBytes(stored: number): number {
  const frames = Math.ceil((stored - HEADER_BYTES) / STORED_FRAME_BYTES);
  const content = stored - HEADER_BYTES - frames * TAG_BYTES;
  return frames < 1 || content < 0 ? stored : content;
}
