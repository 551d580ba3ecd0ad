import { Refusal } from '../core/refusal';

/** Sentences about columns that do not fit the output table. */
export interface Mismatch {
  /** Of columns with a type that the table's does not hold. */
  types: readonly string[];
  /** Of columns that only the run, or only the table has. */
  names: readonly string[];
}

/** The refusal of rows that do not fit an output table, with what helps. */
export function outputMismatch(table: string, { types, names }: Mismatch): Refusal {
  const ways = [
    ...(types.length > 0
      ? [`return the table's types (cast the values, or declare the types with the function's "output")`]
      : []),
    ...(names.length > 0 ? ['allow new and missing columns with output.evolve (--evolve)'] : []),
    'name another table',
    'or drop it',
  ];
  return new Refusal('OutputMismatch', [
    ...types,
    ...names,
    `"${table}" was not changed: ${ways.join(', ')}.`,
  ]);
}
