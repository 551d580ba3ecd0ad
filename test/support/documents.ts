/** The contents of documents: code blocks with their place, and commands in the text. */
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { REPOSITORY } from './project';

export interface Block {
  /** `README.md:29`, the first line inside the block. */
  place: string;
  language: string;
  text: string;
}

export interface Command {
  place: string;
  line: string;
}

/** The repository's documents that explain how to use it. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  ...readdirSync(join(REPOSITORY, 'examples')).map((name) => `examples/${name}/README.md`),
  ...readdirSync(join(REPOSITORY, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The example that a document belongs to. */
export const exampleOf = (document: string): string | null =>
  document.startsWith('examples/') ? dirname(document) : null;

const textOf = (document: string): string => readFileSync(join(REPOSITORY, document), 'utf8');

export function blocksOf(document: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  textOf(document)
    .split('\n')
    .forEach((line, index) => {
      const fence = /^```(\w*)/.exec(line);
      if (fence === null) {
        if (open !== null) open.text += `${line}\n`;
      } else if (open === null) {
        open = { place: `${document}:${index + 2}`, language: fence[1]!, text: '' };
      } else {
        blocks.push(open);
        open = null;
      }
    });
  return blocks;
}

/** Commands that run the tests in some way, or that are marked as not tried. */
const NOT_HERE =
  /^npm (test|run (demo|setup|chaos|invariants|test:cluster|test:long|test:s3|test:sql))\b|not tried here/;

/** The lines of a block of commands. */
export function commandsOf(block: Block): Command[] {
  const [document, first] = block.place.split(':') as [string, string];
  return block.text
    .split('\n')
    .map((line, index) => ({ place: `${document}:${Number(first) + index}`, line }))
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('#') && !NOT_HERE.test(line));
}

/** `partwise …` in the text; a first table cell that starts this way lists more commands (`status RUN`). */
export function namedCommandsOf(document: string): Command[] {
  let inBlock = false;
  return textOf(document)
    .split('\n')
    .flatMap((text, index) => {
      if (text.startsWith('```')) inBlock = !inBlock;
      if (inBlock) return [];
      const list = /^\| (`partwise .*?) \| /.exec(text)?.[1];
      const spans = [...(list ?? text).matchAll(/`([^`]+)`/g)].map(([, span]) =>
        span!.replaceAll('\\|', '|'),
      );
      return spans
        .filter((span) => list !== undefined || /^(npx )?partwise /.test(span))
        .map((span) => ({
          place: `${document}:${index + 1}`,
          line: `npx partwise ${span.replace(/^(npx )?partwise /, '')}`,
        }));
    });
}
