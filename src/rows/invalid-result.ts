/** What the function returned, uploaded or asked for cannot be done, however often it is tried. */
export class InvalidResult extends Error {
  override name = 'InvalidResult';
  readonly nonRetryable = true;
}
