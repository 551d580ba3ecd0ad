// Fails on comments that are wider than the print width. Prettier does not wrap comments.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const { printWidth } = JSON.parse(readFileSync('.prettierrc.json', 'utf8'));
const COMMENT = /^\s*(\/\/|\/\*|\*)/;
// Links and diagrams cannot be wrapped.
const ALLOWED = /https?:\/\/|──►|(eslint|oxlint)-disable/;

const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs', '*.cjs', '*.js'], { encoding: 'utf8' });
const found = files
  .split('\n')
  .filter((file) => file !== '' && existsSync(file))
  .flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        line.length > printWidth && COMMENT.test(line) && !ALLOWED.test(line)
          ? [`${file}:${i + 1} has a comment of ${line.length} characters; wrap it at ${printWidth}.`]
          : [],
      ),
  );
for (const problem of found) console.error(problem);
process.exitCode = found.length === 0 ? 0 : 1;
