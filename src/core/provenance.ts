/**
 * What a payload says of where it came from. Shared by the codec, outside of workflows, and the payload
 * converter inside.
 */

/** Metadata of payloads: what it was made for, such as `input:processUnit`. Covered by the seal. */
export const LABEL = 'partwise-label';
/** Metadata of payloads: the code over context, label and content. */
export const SEAL = 'partwise-seal';
/**
 * Metadata that the codec adds on its way into a workflow: the payload bears no valid seal. Never on the
 * wire.
 */
export const UNSEALED = 'partwise-unsealed';

export const inputOf = (type: string): string => `input:${type}`;
export const resultOf = (type: string): string => `result:${type}`;
export const signalOf = (name: string): string => `signal:${name}`;

export const isResult = (label: string): boolean => label.startsWith('result:');
export const isInput = (label: string): boolean => label.startsWith('input:');
