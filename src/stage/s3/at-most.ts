/** Lets at most `most` pieces of work run at a time; the others wait for their turn, in order. */
export function atMost(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running === most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // Whoever is next takes over this one's place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
