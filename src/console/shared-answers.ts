/** Answers about one moment of a run, worked out once for all pages that ask for the same. */

/** A sorted selection of 1,000,000 partitions takes 4 MB. */
const MAX_KEPT = 8;
/** What takes much of the processor takes at most a sixtieth of it, however many pages ask. */
const PAUSE_PER_WORK = 60;

export class SharedAnswers {
  readonly #answers = new WeakMap<object, Map<string, Promise<unknown>>>();
  /** Answers to questions that are not worked out again for a while. */
  readonly #resting = new Map<string, unknown>();

  /** Calls `answer` unless the same question was asked about this moment. Failures are not kept. */
  get<T>(moment: object, question: string, answer: () => T | Promise<T>): Promise<T> {
    const answers = this.#answers.get(moment) ?? new Map<string, Promise<unknown>>();
    this.#answers.set(moment, answers);
    const known = answers.get(question);
    if (known !== undefined) return known as Promise<T>;
    const answered = Promise.resolve().then(answer);
    answers.set(question, answered);
    answered.catch(() => answers.delete(question));
    const [oldest] = answers.keys();
    if (answers.size > MAX_KEPT) answers.delete(oldest!);
    return answered;
  }

  /** Like `get`, but the answer may be that about a moment shortly before: it has to say about which. */
  async getRecent<T>(moment: object, question: string, answer: () => T | Promise<T>): Promise<T> {
    if (this.#resting.has(question) && this.#answers.get(moment)?.has(question) !== true)
      return this.#resting.get(question) as T;
    return this.get(moment, question, async () => {
      const begin = process.cpuUsage();
      const answered = await answer();
      this.#resting.set(question, answered);
      const { user, system } = process.cpuUsage(begin);
      const pause = (PAUSE_PER_WORK * (user + system)) / 1_000;
      setTimeout(() => this.#resting.delete(question), pause).unref();
      return answered;
    });
  }
}
