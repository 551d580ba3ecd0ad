/** The result of checking one thing that a project needs. If it is not ok, the message says what to do. */
export interface Check {
  /** Such as `warehouse`. */
  name: string;
  ok: boolean;
  /** What was found, or how to fix it. */
  message: string;
}

/** `work` returns the message if the check passes, and throws an error with the message if it fails. */
export async function check(name: string, work: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, message: await work() };
  } catch (error) {
    return { name, ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}
