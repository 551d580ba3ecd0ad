/**
 * The page's access to what it shows. There are two sources: the console over HTTP (`served.ts`), and the
 * file that the page is in (`file/`). Views ask here, whichever it is.
 */

export interface Question {
  /** Asked with POST if there is one. */
  body?: unknown;
  signal?: AbortSignal;
}

/** Answers paths below `/api/v1/`. Throws `Refused`, and `TypeError` if it does not answer. */
export type Source = (path: string, question: Question) => Promise<Response>;

/** What is special about a page in a file. */
export interface FileInfo {
  runId: string;
  /** When the run was read, ISO 8601 UTC. */
  asOf: string;
  isRedacted: boolean;
  /** Number of partitions whose exact values and ids are in the file. */
  exact: number;
  /** Ids of the partitions that have a page in the file. */
  pages: ReadonlySet<string>;
  /** Whether rows that the functions returned are in the file. */
  hasResults: boolean;
  /** Whether they could not be read when it was written. */
  lacksResults: boolean;
}

/** An answer that is not what was asked for. The message is the library's own sentence. */
export class Refused extends Error {
  constructor(
    readonly type: string,
    message: string,
  ) {
    super(message);
  }
}

/** Something between the page and the console answered in its place. The message says what to do. */
export class Intercepted extends TypeError {}

/** Whether the same question may be answered later: the console was busy or gone, and did not refuse it. */
export function mayPass(error: unknown): boolean {
  return !(error instanceof Refused) || error.type === 'TooSlow';
}

/** Whether the question is about something that there is not: asking again and again is in vain. */
export function isMissing(error: unknown): boolean {
  return error instanceof Refused && error.type.startsWith('NoSuch');
}

let source: Source | null = null;

/** Null for the console's own page. */
export let file: FileInfo | null = null;

/** Called once, before anything is shown. */
export function open(from: Source, info: FileInfo | null = null): void {
  source = from;
  file = info;
}

/** Whether a partition has a page of its own: in a file, only some have. */
export function hasPartitionPage(id: string): boolean {
  return file === null || file.pages.has(id);
}

export function request(path: string, question: Question = {}): Promise<Response> {
  return source!(path, question);
}

export async function ask<T>(path: string, question: Question = {}): Promise<T> {
  return (await (await request(path, question)).json()) as T;
}

export interface ServerEvent {
  event: string;
  data: string;
}

/** Events of a stream until it ends or the signal is aborted. */
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const { body } = await request(path, { signal });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const field = (name: string): string =>
        block
          .split('\n')
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n');
      yield { event: field('event'), data: field('data') };
    }
  }
}
