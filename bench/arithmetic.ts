/** The computation that every contestant performs. */
export interface Event {
  amount: number;
}

// A type, not an interface: results of a partition function need an index signature.
export type Summary = { n: number; total: number; median: number };

export function summarize(rows: readonly Event[]): Summary {
  const amounts = new Float64Array(rows.length);
  let total = 0;
  for (let i = 0; i < rows.length; i++) {
    amounts[i] = rows[i]!.amount;
    total += amounts[i]!;
  }
  return { n: rows.length, total, median: medianOf(amounts) };
}

function medianOf(values: Float64Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

export interface Flight {
  carrier: string;
  distance: number;
  arr_delay: number | null;
  dep_delay: number | null;
}

export function summarizeFlights(flights: readonly Flight[]) {
  const carriers = new Set<string>();
  let distance = 0;
  const delays: number[] = [];
  for (const flight of flights) {
    carriers.add(flight.carrier);
    distance += Number(flight.distance);
    // The driver returns bigints where a column has NULLs.
    if (flight.arr_delay !== null) delays.push(Number(flight.arr_delay));
  }
  const late = delays.filter((delay) => delay > 15).length;
  return {
    flights: flights.length,
    carriers: carriers.size,
    distance,
    medianDelay: delays.length === 0 ? null : medianOf(Float64Array.from(delays)),
    lateShare: delays.length === 0 ? null : late / delays.length,
  };
}

/** Uses `ms` milliseconds of CPU time, however many other processes compete for it. */
export function spin(ms: number): number {
  const begin = process.cpuUsage();
  let rounds = 0;
  let x = 1;
  for (;;) {
    for (let i = 0; i < 10_000; i++) x = (x * 1_103_515_245 + 12_345) % 2_147_483_648;
    rounds++;
    const { user, system } = process.cpuUsage(begin);
    if (user + system >= ms * 1_000) return rounds + (x & 1);
  }
}

/** Whether a customer is one of the 5 % that fail at first. */
export function isPoison(customer: string): boolean {
  return Number(customer.slice('customer '.length)) % 20 === 0;
}
