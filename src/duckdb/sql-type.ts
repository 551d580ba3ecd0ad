/** Reads and writes DuckDB's names of types, such as `STRUCT("a b" INTEGER[], m DATE)`. Pure. */
import { identifier } from './quote';

/** A type by its structure. Names of fields are without quotes. */
export type SqlType =
  /** Any type without types inside: `DECIMAL(10,2)`, `TIMESTAMP WITH TIME ZONE`, `ENUM('a', 'b')`. */
  | { kind: 'plain'; name: string }
  /** `size` is null for a LIST, and the number of items for an ARRAY. */
  | { kind: 'list'; item: SqlType; size: number | null }
  | { kind: 'struct' | 'union'; fields: readonly Field[] }
  | { kind: 'map'; key: SqlType; value: SqlType };

export type Field = readonly [name: string, type: SqlType];

/** A text that is not a nested type is a plain one. */
export function parseType(text: string): SqlType {
  const [, item, size] = /^(.*)\[(\d*)\]$/s.exec(text) ?? [];
  if (item !== undefined)
    return { kind: 'list', item: parseType(item), size: size === '' ? null : Number(size) };
  const [, kind, inside] = /^(STRUCT|UNION|MAP)\((.*)\)$/s.exec(text) ?? [];
  if (inside === undefined) return { kind: 'plain', name: text };
  const parts = splitTopLevel(inside);
  if (kind === 'MAP') return { kind: 'map', key: parseType(parts[0]!), value: parseType(parts[1]!) };
  return { kind: kind === 'STRUCT' ? 'struct' : 'union', fields: parts.map(parseField) };
}

function parseField(text: string): Field {
  const [, quoted, plain, type] = /^(?:"((?:[^"]|"")*)"|(\S+)) (.*)$/s.exec(text)!;
  return [quoted?.replaceAll('""', '"') ?? plain!, parseType(type!)];
}

export function typeText(type: SqlType): string {
  switch (type.kind) {
    case 'plain':
      return type.name;
    case 'list':
      return `${typeText(type.item)}[${type.size ?? ''}]`;
    case 'map':
      return `MAP(${typeText(type.key)}, ${typeText(type.value)})`;
    default: {
      const fields = type.fields.map(([name, field]) => `${identifier(name)} ${typeText(field)}`);
      return `${type.kind.toUpperCase()}(${fields.join(', ')})`;
    }
  }
}

/** Replaces the plain types inside a type. */
export function mapPlain(type: SqlType, replace: (name: string) => string): SqlType {
  switch (type.kind) {
    case 'plain':
      return { kind: 'plain', name: replace(type.name) };
    case 'list':
      return { ...type, item: mapPlain(type.item, replace) };
    case 'map':
      return { kind: 'map', key: mapPlain(type.key, replace), value: mapPlain(type.value, replace) };
    default:
      return { ...type, fields: type.fields.map(([name, field]) => [name, mapPlain(field, replace)]) };
  }
}

/** Splits at commas outside parentheses and quotes. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote: string | null = null;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote !== null) quote = char === quote ? null : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return parts;
}
