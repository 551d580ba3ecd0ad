/** Explains why a functions file cannot be loaded, with the user's file and line. */
import type { ErrorInfo } from '../../core/outcome';
import { userPlace } from '../../core/stack-place';

export function loadingProblem({ type, message, stack }: ErrorInfo): string {
  if (type === 'FunctionsFileError') return message;
  const place = userPlace(stack);
  const at = place === null ? '' : ` (${place.file}:${place.line})`;
  const missing = /^No module named '([^'.]+)/.exec(message)?.[1];
  if (type === 'ModuleNotFoundError' && missing !== undefined)
    return `The functions file imports "${missing}", which is not installed: run pip install ${missing}, or fix the import${at}.`;
  return `The functions file raised an error while loading: ${type}: ${message}${at}`;
}
