/** Dates and times are bound and loaded as text in the usual format, regardless of the account's settings. */
export const LOAD_PARAMETERS = {
  DATE_INPUT_FORMAT: 'AUTO',
  TIME_INPUT_FORMAT: 'AUTO',
  TIMESTAMP_INPUT_FORMAT: 'AUTO',
} as const;
