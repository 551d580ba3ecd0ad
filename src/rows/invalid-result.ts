/** What the function returned, uploaded or requested is invalid, and a retry would not change that. */
export class InvalidResult extends Error {
  override name = 'InvalidResult';
  readonly nonRetryable = true;
}
