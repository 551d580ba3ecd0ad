/** What the parts of a grouped statement have in common: DuckDB's parse trees. */

/** A node of the tree that `json_serialize_sql` returns. */
export type Node = Record<string, unknown>;

export function isEmpty(list: unknown): boolean {
  return (list as unknown[]).length === 0;
}

export function columnRef(name: string): Node {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [name] };
}

/** The number that an expression is, or null. */
export function integerOf(node: Node): number | null {
  if (node.class !== 'CONSTANT') return null;
  const { value, type } = node.value as { value: unknown; type: Node };
  return typeof value === 'number' && /^(INTEGER|BIGINT)$/.test(type.id as string) ? value : null;
}

/** The expressions inside an expression. */
export function childrenOf(node: Node): Node[] {
  const fields = ['children', 'left', 'right', 'child', 'input', 'lower', 'upper', 'else_expr'];
  const inside = fields.flatMap((field) => (node[field] ?? []) as Node[]);
  const checks = (node.case_checks ?? []) as { when_expr: Node; then_expr: Node }[];
  return [...inside, ...checks.flatMap((check) => [check.when_expr, check.then_expr])];
}

/** Whether any expression in an expression, or itself, is such a one. */
export function contains(node: Node, isSuch: (node: Node) => boolean): boolean {
  return isSuch(node) || childrenOf(node).some((child) => contains(child, isSuch));
}

/** The name of a column that is written without its table, or null. */
export function nameOf({ class: kind, column_names: parts }: Node): string | null {
  const [name, ...others] = kind === 'COLUMN_REF' ? (parts as string[]) : [];
  return name === undefined || others.length > 0 ? null : name.toLowerCase();
}

/** The selected columns that have a name. */
export function selectedAs(name: string, selected: readonly Node[]): Node[] {
  return selected.filter(({ alias }) => alias !== '' && (alias as string).toLowerCase() === name);
}
