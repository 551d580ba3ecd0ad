/** What `partwise doctor` shows about the interpreter. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { shellWord } from '../../core/shell-word';
import { runtimeText } from '../../core/runtime';
import type { RunnerProject } from '../runner';
import { askInterpreter, PYTHON_FOLDER, runtimeOf, untested } from './interpreter';

/** Throws `NoInterpreter`. */
export async function describeRuntime(file: string, project: RunnerProject): Promise<string> {
  const { interpreter } = await askInterpreter(dirname(file), project, 'probe.py');
  const { executable, found } = interpreter;
  const warning = untested(interpreter);
  return [
    `${executable} (${found}): ${runtimeText(runtimeOf(interpreter))}`,
    `tests import partwise from ${PYTHON_FOLDER}`,
    ...(warning === null ? [] : [warning]),
  ].join('\n');
}

/** How programs in Python get Partwise: of the same build, so that client and host speak one protocol. */
export function installCommand(): string {
  const folder = join(PYTHON_FOLDER, '..', 'dist', 'python');
  const name = readdirSync(folder).find((file) => file.endsWith('.whl'));
  return `pip install ${shellWord(join(folder, name ?? ''))}`;
}
