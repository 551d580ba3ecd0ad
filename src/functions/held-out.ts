/** Which rows of a partition the input's condition holds out. */

/**
 * A query for `position`, from 0, of the rows of `data` that meet the condition, in order. The condition is
 * evaluated once for each row.
 */
export function heldOutSql(condition: string): string {
  return (
    'SELECT __partwise_position AS position FROM (SELECT row_number() OVER () - 1 AS __partwise_position, * FROM data) AS data ' +
    `WHERE (${condition}\n) ORDER BY 1`
  );
}
