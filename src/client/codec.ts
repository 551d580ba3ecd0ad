/** Decodes payloads for Temporal's web UI and CLI: `partwise codec`. */
import type { ProjectConfig } from '../config';
import { serveCodec, type CodecEndpoint } from '../temporal/codec-endpoint';

export interface CodecOptions {
  /** Default: a free port. */
  port?: number;
  /** Origins of web UIs whose pages may ask, such as `http://localhost:8233`. Default: none. */
  origins?: readonly string[];
}

/**
 * The address contains a secret that follows from the key, so it stays the same as long as port and key do.
 * Throws if the project encrypts nothing, or a key is not there.
 */
export async function serveProjectCodec(
  { temporal }: ProjectConfig,
  { port = 0, origins = [] }: CodecOptions,
): Promise<CodecEndpoint> {
  const { keys, dataConverter } = temporal;
  if (keys === undefined || keys.isEmpty)
    throw new Error(
      'This project encrypts nothing, so there is nothing to decode. Set `temporal.encryption` in its configuration first (docs/security.md).',
    );
  await keys.check();
  const path = `/${await keys.derived('partwise codec')}`;
  return serveCodec(dataConverter?.payloadCodecs ?? [], { port, path, origins });
}
