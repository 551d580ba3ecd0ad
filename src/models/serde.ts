/** Serialization of models: JSON, or raw bytes. */
import { encodeJson } from '../core/json';
import { InvalidResult } from '../rows/invalid-result';
import type { ModelSerde } from '../functions/model-hooks';

/** For models that are plain data. Throws for values that JSON cannot represent. */
export const jsonSerde: ModelSerde<unknown> = Object.freeze({
  filename: 'model.json',
  write: (model: unknown) => encodeJson(model, 'The model'),
  read: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown,
});

/** For models that are already bytes. */
export const bytesSerde: ModelSerde<Uint8Array> = Object.freeze({
  filename: 'model.bin',
  write: (model: Uint8Array) => {
    if (model instanceof Uint8Array) return model;
    throw new InvalidResult(
      'train did not return a Uint8Array, which bytesSerde requires. Use another serde for the model.',
    );
  },
  read: (bytes: Uint8Array) => bytes,
});
