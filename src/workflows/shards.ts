/**
 * The shards of a run, the counterpart of its units: they start in order, as many at a time as the
 * concurrency needs, and changed settings are passed on to them. Whether the run stops is decided here, based
 * on their reports.
 *
 *   not started ──► live ──► ended     a stop or a cancel: live shards are cancelled, and no others are started
 *       │            └── failed, terminated: the other shards are cancelled, and the run fails (ShardLost)
 *       └── partitions that are skipped before it starts are in its task
 *
 * The history of the run stays short (I7). A shard takes three events and at most three workflow tasks; all
 * reports together are about 200, plus 3 per shard if everything fails with the same error (see `isDue`);
 * each change of settings takes two events per shard. With 500 shards, that is 4,500 events, and 1,000 for
 * each pause. If hundreds of shards end at the same time, more than 100 messages may arrive during one
 * workflow task: the server then retries the task, which only costs time.
 */
import { condition, setHandler } from '@temporalio/workflow';
import { MAX_SHARDS, MAX_LANES } from '../core/live-settings';
import { encodeOrdinals } from '../core/units/ordinals';
import type { OpenedRun } from '../core/opened-run';
import type { RunPlan, Sharding } from '../core/plan';
import type { ShardSettings, ShardTask, UnitCallPlan } from '../core/tasks';
import { asShardReport } from '../core/answers/shard-messages';
import { isObject } from '../core/shape';
import { firstReport } from '../core/units/shard-report';
import { lanesOf, shardsInFlight } from '../core/units/shards';
import type { Control } from './control';
import { shardLost } from './ending';
import { throughLanes, type LaneGate } from './lanes';
import { LiveShard } from './live-shard';
import type { Progress } from './progress';
import { heldSignal, reportSignal, skippedSignal } from './shard-messages';
import type { Stopping } from './stopping';
import type { UnitPlace, RunWork, Skipped } from './units';

/** Maximum number of shards whose start the server has not confirmed. */
const STARTING_AT_ONCE = 48;
/** Maximum number of reports of each kind from all shards. */
const REPORTS = 100;
/** Lanes are redistributed if more than this share of them would be idle. */
const IDLE_SHARE = 1 / 8;

/** Partitions of one shard that will be skipped. */
interface Part {
  shard: number;
  /** Null if the shard has not started, or has ended. */
  live: LiveShard | null;
  ordinals: number[];
}

export class RunShards implements LaneGate, RunWork {
  #advance: () => void = () => {};
  /** Each live shard occupies one place, which determines its lanes. */
  #places: (LiveShard | null)[] = [];
  readonly #started = new Set<number>();
  #starting = 0;
  /** Number of the latest settings message. */
  #number = 0;
  /** Ordinals that were skipped in shards that had not started, by shard. */
  readonly #skipped = new Map<number, number[]>();
  #lost: { shard: number; why: string } | null = null;
  /**
   * The partitions of the skip in progress: one skip at a time, and no shard starts meanwhile.
   */
  #holding: Part[] | null = null;

  constructor(
    private readonly plan: RunPlan,
    private readonly sharding: Sharding,
    private readonly opened: OpenedRun,
    private readonly progress: Progress,
    private readonly control: Control,
    private readonly stopping: Stopping,
  ) {
    setHandler(reportSignal, (sent: unknown) => {
      const report = asShardReport(sent, sharding.shards);
      if (report === null) return;
      progress.takeReport(report);
      stopping.consider();
    });
    setHandler(heldSignal, (held: unknown) => {
      if (isObject(held)) this.#liveShard(held.shard)?.takePlaces(held.places);
    });
    setHandler(skippedSignal, (answer: unknown) => {
      if (isObject(answer)) this.#liveShard(answer.shard)?.takeSkipped(answer.skipped);
    });
  }

  get width(): number {
    if (this.control.paused || this.#holding !== null) return 0;
    const started = this.#live.length - this.#starting;
    return Math.min(shardsInFlight(this.control.maxConcurrency!), started + STARTING_AT_ONCE);
  }

  get closed(): boolean {
    return this.stopping.closed;
  }

  onChange(listener: () => void): void {
    this.#advance = listener;
  }

  async process(): Promise<void> {
    const { control, stopping, sharding, plan, progress } = this;
    control.onChange(() => this.#changed());
    control.passedOn = () => this.#passedOn();
    stopping.scope.cancelRequested.catch(() => this.#advance());
    await throughLanes(
      sharding.shards.map((_, number) => number),
      this,
      (number) => this.#process(number),
      (number) => this.#isVoid(number),
      MAX_SHARDS,
    );
    if (this.#lost !== null) throw shardLost(plan, progress, this.#lost);
  }

  async hold(ordinals: readonly number[]): Promise<UnitPlace[]> {
    // All waiting calls wake up together, so each checks again.
    while (this.#holding !== null) await condition(() => this.#holding === null);
    this.#holding = this.#partsOf(ordinals);
    return this.#together(ordinals, async ({ shard, live, ordinals: own }) => {
      if (live !== null) return live.hold(own);
      const gone = this.#started.has(shard) ? own : (this.#skipped.get(shard) ?? []);
      return own.map((ordinal) => ({ type: gone.includes(ordinal) ? 'gone' : 'waiting' }));
    });
  }

  async skip(ordinals: readonly number[]): Promise<Skipped[]> {
    const skipped = await this.#together(
      ordinals,
      async ({ shard, live, ordinals: own }): Promise<Skipped[]> => {
        if (live !== null) return live.skip(own);
        this.#skipBefore(shard, own);
        return own.map(() => ({ status: 'SKIPPED', cutOff: false }));
      },
    );
    this.#endHold();
    return skipped;
  }

  release(): void {
    for (const { live } of this.#holding!) void live?.decide(false);
    this.#endHold();
  }

  #liveShard(number: unknown): LiveShard | undefined {
    return this.#live.find((live) => live.number === number);
  }

  get #live(): LiveShard[] {
    return this.#places.filter((live) => live !== null);
  }

  async #process(number: number): Promise<void> {
    const { progress, stopping } = this;
    const live = this.#begin(number);
    const running = { label: `shard ${number}` };
    progress.running.add(running);
    let started = false;
    const end = await live.run(() => {
      started = true;
      this.#starting--;
      this.#advance();
    });
    if (!started) this.#starting--;
    progress.running.delete(running);
    this.#places = this.#places.map((each) => (each === live ? null : each));
    if (end.type === 'report') progress.takeReport(end.report);
    if (end.type === 'lost') {
      this.#lost ??= { shard: number, why: end.why };
      stopping.scope.cancel();
    }
    stopping.consider();
    // Otherwise the next shard takes its place.
    if (this.#notStarted === 0 || this.#live.length >= this.width) this.#dealWhenIdle();
  }

  #begin(number: number): LiveShard {
    this.#started.add(number);
    this.#starting++;
    const free = this.#places.indexOf(null);
    const place = free < 0 ? this.#places.length : free;
    // This shard already counts as live.
    const lanes = this.#lanes(this.#live.length + 1)[place] ?? 0;
    const live = new LiveShard(this.#task(number, lanes), this.stopping.scope);
    this.#places[place] = live;
    this.#dealWhenIdle();
    return live;
  }

  #task(number: number, lanes: number): ShardTask {
    const { plan, sharding, opened, control } = this;
    const { firstUnit, partitions, list } = sharding.shards[number]!;
    const { stopAfterAlike, carried } = plan;
    const inFlight = Math.min(shardsInFlight(control.maxConcurrency!), sharding.shards.length);
    const done = carried?.counts.DONE ?? 0;
    return {
      version: 1,
      runId: opened.runId,
      stageToken: opened.stageToken,
      shard: number,
      partitions,
      firstUnit,
      list: { ...list, path: sharding.lists.path },
      plan: unitsPlan(plan),
      skipped: encodeOrdinals((this.#skipped.get(number) ?? []).sort((a, b) => a - b)),
      report: {
        every: Math.ceil(plan.partitions / REPORTS),
        alike: done > 0 ? null : { part: Math.ceil(stopAfterAlike / inFlight), all: stopAfterAlike },
      },
      settings: { number: ++this.#number, ...this.#settings(lanes) },
    };
  }

  #settings(lanes: number): Omit<ShardSettings, 'number'> {
    const { control, plan } = this;
    // Limits the number of reports, and the number of unreported failures in all shards together to the
    // tolerance.
    const parts = Math.max(REPORTS, shardsInFlight(control.maxConcurrency!));
    const everyFailures = plan.failFast ? Math.max(1, Math.floor(control.toleratedFailures! / parts)) : null;
    return { paused: control.paused, lanes, everyFailures };
  }

  /** Number of lanes, by place. */
  #lanes(live: number): number[] {
    const maxConcurrency = this.control.maxConcurrency!;
    const inFlight = Math.min(shardsInFlight(maxConcurrency), live + this.#notStarted);
    return lanesOf(maxConcurrency, Math.max(live, inFlight));
  }

  get #notStarted(): number {
    return this.sharding.shards.filter((_, number) => !this.#started.has(number) && !this.#isVoid(number))
      .length;
  }

  /** Whether all of the shard's partitions were skipped. */
  #isVoid(number: number): boolean {
    return this.#skipped.get(number)?.length === this.sharding.shards[number]!.partitions;
  }

  #changed(): void {
    this.stopping.consider();
    if (!this.closed) this.#deal();
    this.#advance();
  }

  async #passedOn(): Promise<void> {
    await Promise.all(this.#live.map((live) => live.inForce()));
  }

  #deal(): void {
    this.#places = this.#live;
    const lanes = this.#lanes(this.#places.length);
    this.#live.forEach((live, place) => {
      const settings = this.#settings(lanes[place]!);
      const before = live.settings;
      const isNew = (Object.keys(settings) as (keyof typeof settings)[]).some(
        (name) => settings[name] !== before[name],
      );
      if (!isNew) return;
      live.set({ number: ++this.#number, ...settings });
    });
  }

  #dealWhenIdle(): void {
    if (this.closed) return;
    const live = this.#live;
    const usable = Math.min(this.control.maxConcurrency!, MAX_LANES * live.length);
    const dealt = live.reduce((sum, { settings }) => sum + settings.lanes, 0);
    if (dealt < usable * (1 - IDLE_SHARE)) this.#deal();
  }

  #partsOf(ordinals: readonly number[]): Part[] {
    const parts = new Map<number, Part>();
    for (const ordinal of ordinals) {
      const shard = this.sharding.shards.findIndex(({ from, to }) => from <= ordinal && ordinal <= to);
      const live = this.#live.find(({ number }) => number === shard) ?? null;
      const part = parts.get(shard) ?? { shard, live, ordinals: [] };
      parts.set(shard, part);
      part.ordinals.push(ordinal);
    }
    // Encoded lists of ordinals are sorted.
    for (const part of parts.values()) part.ordinals.sort((a, b) => a - b);
    return [...parts.values()];
  }

  /** Asks the shards of all held partitions, and returns the answers in the order of `ordinals`. */
  async #together<T>(ordinals: readonly number[], ask: (part: Part) => Promise<T[]>): Promise<T[]> {
    const answers = new Map<number, T>();
    await Promise.all(
      this.#holding!.map(async (part) => {
        const answer = await ask(part);
        part.ordinals.forEach((ordinal, i) => answers.set(ordinal, answer[i]!));
      }),
    );
    return ordinals.map((ordinal) => answers.get(ordinal)!);
  }

  /** The shard's task will contain them. */
  #skipBefore(shard: number, ordinals: readonly number[]): void {
    const skipped = [...(this.#skipped.get(shard) ?? []), ...ordinals];
    this.#skipped.set(shard, skipped);
    this.progress.takeReport(firstReport(shard, skipped.length));
  }

  #endHold(): void {
    this.#holding = null;
    this.#changed();
  }
}

/** Child workflows get only the part of the plan that they need. */
function unitsPlan(plan: RunPlan): UnitCallPlan {
  const { generation, execution, stage, unitPlan, taskQueue, bigTaskQueue, retry } = plan;
  const { heartbeatTimeoutMs, unitTimeoutMs, partitionTimeoutMs, retryUnitsPerRound, joinUpToMs } = plan;
  return {
    generation,
    execution,
    stage,
    unitPlan,
    taskQueue,
    bigTaskQueue,
    retry,
    heartbeatTimeoutMs,
    unitTimeoutMs,
    partitionTimeoutMs,
    retryUnitsPerRound,
    joinUpToMs,
  };
}
