/** Answers the requests of one program, read as lines, until its last line. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ProjectConfig } from '../../config';
import { Connections } from '../connections';
import { OPERATIONS } from './operations';
import { BadParams, Params } from './params';
import {
  answeredError,
  answerLine,
  BadRequest,
  parseIncoming,
  PROTOCOL,
  type Answer,
  type Request,
} from './protocol';

/** Where requests come from, and where answers and messages for people go. */
export interface Pipes {
  input: Readable;
  output: Writable;
  /** A sentence about the server, such as that it is being started. */
  onMessage: (message: string) => void;
}

/** Resolves when the input has ended. Runs continue. */
export async function serveRequests(
  loadConfig: () => Promise<ProjectConfig>,
  version: string,
  { input, output, onMessage }: Pipes,
): Promise<void> {
  const connections = new Connections(loadConfig, onMessage);
  const open = new Map<number, { controller: AbortController; waits: boolean }>();
  const serving = new Set<Promise<void>>();
  const answer = (line: Answer): void => void output.write(answerLine(line));

  async function serve({ id, operation, params }: Request): Promise<void> {
    const controller = new AbortController();
    const chosen = Object.hasOwn(OPERATIONS, operation) ? OPERATIONS[operation]! : null;
    open.set(id, { controller, waits: chosen !== null && 'waits' in chosen && chosen.waits === true });
    try {
      if (chosen === null) throw unknownOperation(operation);
      const result =
        'ofProject' in chosen
          ? chosen.ofProject(await connections.config())
          : await connections.use(chosen, (partwise, moved) =>
              chosen.run(
                {
                  partwise,
                  signal: AbortSignal.any([controller.signal, moved]),
                  emit: (event) => answer({ id, event }),
                },
                new Params(operation, chosen.takes, params),
              ),
            );
      answer({ id, result: result ?? null });
    } catch (error) {
      answer({ id, error: controller.signal.aborted ? CANCELLED : answeredError(error) });
    } finally {
      open.delete(id);
    }
  }

  answer({ ready: true, version, protocol: PROTOCOL });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    try {
      const incoming = parseIncoming(line);
      if ('cancel' in incoming) open.get(incoming.cancel)?.controller.abort();
      else if (open.has(incoming.id))
        throw new BadRequest(`The id ${incoming.id} is that of a request in progress. Use another one.`);
      else {
        const request = serve(incoming).finally(() => serving.delete(request));
        serving.add(request);
      }
    } catch (error) {
      answer({ id: null, error: answeredError(error) });
    }
  }
  for (const { controller, waits } of open.values()) if (waits) controller.abort();
  await Promise.all(serving);
  await connections.close();
}

const CANCELLED = { type: 'Cancelled', message: 'The request was cancelled.' };

function unknownOperation(operation: string): BadParams {
  const names = Object.keys(OPERATIONS);
  return new BadParams(`There is no operation "${operation}". The operations are ${names.join(', ')}.`);
}
