/** A value as it comes from a row: see `data` for how warehouse types become JavaScript's. */
export type Row = Record<string, unknown>;
