/**
 * Payload metadata that records where a payload came from. Shared by the codec (outside workflows) and the
 * payload converter (inside).
 */

/** Payload metadata: what the payload was created for, such as `input:processUnit`. Covered by the seal. */
export const LABEL = 'partwise-label';
/** Payload metadata: the authentication code over context, label and content. */
export const SEAL = 'partwise-seal';
/**
 * Metadata that the codec adds on the way into a workflow if the payload has no valid seal. Never on the
 * wire.
 */
export const UNSEALED = 'partwise-unsealed';

/**
 * Metadata that the codec adds on the way into a workflow if the payload was encrypted. Never on the wire.
 */
export const ENCRYPTED = 'partwise-encrypted';

export const inputOf = (type: string): string => `input:${type}`;
export const resultOf = (type: string): string => `result:${type}`;
export const signalOf = (name: string): string => `signal:${name}`;

export const isResult = (label: string): boolean => label.startsWith('result:');
export const isInput = (label: string): boolean => label.startsWith('input:');

/** Begins the text that takes the place of a payload which a workflow cannot decode. */
export const UNDECODABLE = '[a payload that cannot be decoded: ';
