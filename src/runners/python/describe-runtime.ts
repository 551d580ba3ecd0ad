/** What `partwise doctor` shows about the interpreter. */
import { dirname } from 'node:path';
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
