/** One thing that a project needs: ok, or what to do. */
export interface Check {
  /** Such as `warehouse`. */
  name: string;
  ok: boolean;
  /** What was found, or how to fix it. */
  message: string;
}

/** `work` gives what is to be said when it is ok, and throws a sentence when it is not. */
export async function check(name: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, message: await work() };
  } catch (error) {
    return { name, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
