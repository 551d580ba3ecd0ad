/** How models are kept: JSON, or bytes as they are. */
import { encodeJson } from '../rows/json';
import { InvalidResult } from '../rows/invalid-result';
import type { ModelSerde } from '../functions/model-hooks';

/** Models that are plain data. Throws for what JSON cannot hold. */
export const jsonSerde: ModelSerde<unknown> = Object.freeze({
  filename: 'model.json',
  write: (model: unknown) => encodeJson(model, 'The model'),
  read: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown,
});

/** Models that are bytes already. */
export const bytesSerde: ModelSerde<Uint8Array> = Object.freeze({
  filename: 'model.bin',
  write: (model: Uint8Array) => {
    if (model instanceof Uint8Array) return model;
    throw new InvalidResult(
      'train returned no Uint8Array, which bytesSerde keeps. Give the model another serde.',
    );
  },
  read: (bytes: Uint8Array) => bytes,
});
