/** Makes an attached debugger stop at the first line of a function. */
import { Session } from 'node:inspector';

interface RemoteObject {
  objectId?: string;
}

/** What a bound function calls. */
const TARGET = '[[TargetFunction]]';

/**
 * Calls `call`; at the first line that it executes of `fn`, every debugger of this process stops, once. A
 * `debugger` statement before the call would stop in code that the user has never seen.
 */
export async function stopInFunction<T>(fn: unknown, call: () => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  // Answers of a session of the same thread arrive while `post` runs.
  const ask = <Answer>(method: string, params: object = {}): Answer => {
    let answer: unknown;
    session.post(method, params, (error, result) => {
      if (error !== null) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer as Answer;
  };
  ask('Debugger.enable');
  ask('Debugger.setBreakpointOnFunctionCall', { objectId: objectIdOf(fn, ask) });
  // A breakpoint is removed with its session; those of the debuggers stay.
  session.once('Debugger.paused', () => session.disconnect());
  try {
    return await call();
  } finally {
    session.disconnect();
  }
}

const HANDLE = Symbol.for('partwise.stopInFunction');

function objectIdOf(fn: unknown, ask: <Answer>(method: string, params?: object) => Answer): string {
  const shared = globalThis as { [HANDLE]?: unknown };
  shared[HANDLE] = fn;
  const expression = `globalThis[Symbol.for(${JSON.stringify(HANDLE.description)})]`;
  let { objectId } = ask<{ result: RemoteObject }>('Runtime.evaluate', { expression }).result;
  delete shared[HANDLE];
  for (;;) {
    const { internalProperties = [] } = ask<{
      internalProperties?: { name: string; value?: RemoteObject }[];
    }>('Runtime.getProperties', { objectId, ownProperties: true });
    const target = internalProperties.find(({ name }) => name === TARGET)?.value;
    if (target === undefined) return objectId!;
    objectId = target.objectId;
  }
}
