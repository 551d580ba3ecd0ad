/** Disables one guard: removes what its syntax suggests, unless `replacements.mjs` has an entry. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import swc from '@swc/core';
import { REPLACEMENTS } from './replacements.mjs';

/** Maximum distance of a replacement below the marker. */
const REACH_LINES = 30;

/** @returns {{ text: string, what: string } | { problem: string }} */
export function disable(root, guard) {
  const source = readFileSync(join(root, guard.file), 'utf8');
  const byEntry = byTable(source, guard);
  if (byEntry !== null) return byEntry;
  if (guard.file.endsWith('.py'))
    return { problem: 'a guard in Python needs an entry in scripts/invariants/replacements.mjs' };
  return bySyntax(Buffer.from(source), guard);
}

/** Entries of the table that no guard uses. */
export function staleReplacements(root, guards) {
  return REPLACEMENTS.filter(
    (entry) =>
      !guards.some(
        (guard) =>
          guard.file === entry.file && byTable(readFileSync(join(root, guard.file), 'utf8'), guard) !== null,
      ),
  );
}

function byTable(source, guard) {
  const lines = source.split('\n');
  const start = lines.slice(0, guard.line - 1).join('\n').length;
  const reach = lines.slice(0, guard.line + REACH_LINES).join('\n').length;
  const next = lines.findIndex((text, i) => i >= guard.line && /enforces I\d/.test(text));
  const end = next === -1 ? reach : Math.min(reach, lines.slice(0, next).join('\n').length);
  for (const { file, from, to } of REPLACEMENTS) {
    if (file !== guard.file) continue;
    const at = source.indexOf(from, start);
    if (at === -1 || at + from.length > end) continue;
    return {
      text: source.slice(0, at) + to + source.slice(at + from.length),
      what: `${firstLine(from)} → ${firstLine(to)}`,
    };
  }
  return null;
}

function bySyntax(bytes, { after }) {
  const module = swc.parseSync(bytes.toString('utf8'), { syntax: 'typescript', target: 'es2022' });
  const { node, next } = statementAt(module, after + 1) ?? {};
  const put = (from, to, text, what) => ({
    text: Buffer.concat([bytes.subarray(0, from - 1), Buffer.from(text), bytes.subarray(to - 1)]).toString(
      'utf8',
    ),
    what,
  });
  switch (node?.type) {
    case 'ExpressionStatement':
      return put(node.span.start, node.span.end, ';', 'removed');
    case 'IfStatement': {
      // `if (good) return it; throw …`: the guard is the statement after the `if`.
      const value = exits(node.consequent, 'ReturnStatement') && exits(next, 'ThrowStatement');
      const { start, end } = spanOf(node, bytes);
      // Not a literal: the compiler would report the following code as unreachable.
      return put(start, end, value ? 'Date.now() > 0' : 'Date.now() < 0', `if (${value})`);
    }
    default:
      return {
        problem: `no mutation for ${node?.type ?? 'this'}: add one to scripts/invariants/replacements.mjs`,
      };
  }
}

/** The condition between the parentheses. */
function spanOf({ test, span }, bytes) {
  const open = bytes.indexOf('(', span.start - 1) + 2;
  let depth = 1;
  let end = (test.span?.end ?? open) - 1;
  for (let i = open - 1; depth > 0; i++) {
    if (bytes[i] === 0x28) depth++;
    if (bytes[i] === 0x29 && --depth === 0) end = i + 1;
  }
  return { start: open, end };
}

function exits(statement, type) {
  if (statement === undefined || statement === null) return false;
  if (statement.type === 'BlockStatement') return exits(statement.stmts.at(-1), type);
  return statement.type === type;
}

/** The statement that starts at this offset, and the next one. */
function statementAt(value, start) {
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) {
    const i = value.findIndex(
      (each) => each?.span?.start === start && /Statement|Declaration/.test(each.type),
    );
    if (i >= 0) return { node: value[i], next: value[i + 1] };
  }
  for (const each of Object.values(value)) {
    const found = statementAt(each, start);
    if (found !== null) return found;
  }
  return null;
}

function firstLine(text) {
  return text.split('\n')[0].trim().slice(0, 70);
}
