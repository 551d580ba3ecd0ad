/** Runs at most `limit` tasks at a time; the others wait their turn, in order. */
export function atMost(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running === limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The next task takes over this one's slot.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
