/**
 * A shard of a run: it processes its units through its own lanes. It never stops on its own: it reports its
 * state to the run, which stops, pauses and cancels it. A cancelled shard returns its last report, like one
 * that has ended.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
  type SignalDefinition,
} from '@temporalio/workflow';
import { decodeOrdinals, ordinalsWithin } from '../core/units/ordinals';
import type { Unit } from '../core/plan';
import type { ShardSettings, ShardTask } from '../core/tasks';
import { asShardSettings } from '../core/answers/shard-messages';
import { asLoadedShard } from '../core/answers/step-results';
import { isObject } from '../core/shape';
import { firstReport, isDue, type ShardReport } from '../core/units/shard-report';
import { inputOf } from '../core/provenance';
import { resultOf } from './result-of';
import { Control } from './control';
import { CONTROL_RETRY } from './ending';
import { provenanceOf } from './payload-converter';
import { Progress } from './progress';
import {
  decideSignal,
  heldSignal,
  holdSignal,
  reportSignal,
  settingsSignal,
  skippedSignal,
} from './shard-messages';
import { RunUnits } from './units';
import type { RunActivities } from '../core/workflow';

// An error in this code fails the shard, and with it the run, with a message.
setWorkflowOptions({ failureExceptionTypes: [Error] }, partitionShard);

export async function partitionShard(task: ShardTask): Promise<ShardReport> {
  const made = provenanceOf(task);
  // enforces I13: anyone who reaches the embedded server can start a workflow, and a shard's units name files
  // with code.
  if (made !== undefined && made !== inputOf('partitionShard')) {
    throw ApplicationFailure.nonRetryable(
      'This shard was not started by its run, so it is not trusted. Runs start their own shards; to start a run, use partwise run.',
      'NotTrusted',
    );
  }
  return new ShardRun(task).execute();
}

class ShardRun {
  readonly #control = new Control();
  readonly #progress = new Progress();
  readonly #scope = new CancellationScope();
  #settings: ShardSettings;
  #units: RunUnits | null = null;
  #list: readonly Unit[] = [];
  /** Ordinals that the run has asked to hold. */
  #held: number[] | null = null;
  #answering = 0;
  #reported: ShardReport;
  #reporting = false;

  constructor(private readonly task: ShardTask) {
    this.#settings = task.settings;
    this.#reported = firstReport(task.shard, 0);
    this.#progress.begin(task.partitions, null);
    this.#apply();
    setHandler(settingsSignal, (sent: unknown) => {
      const settings = asShardSettings(sent);
      if (settings === null || settings.number <= this.#settings.number) return;
      this.#settings = settings;
      this.#apply();
    });
    setHandler(holdSignal, async (asked: unknown) => {
      await condition(() => this.#units !== null || this.#scope.consideredCancelled);
      if (this.#units === null || !this.#areOurs(asked)) return;
      this.#held = decodeOrdinals(asked.ordinals);
      await this.#send(heldSignal, { shard: task.shard, places: this.#units.hold(this.#held) });
    });
    setHandler(decideSignal, async (decision: unknown) => {
      const held = this.#held;
      if (held === null || !isObject(decision) || typeof decision.skip !== 'boolean') return;
      this.#held = null;
      if (!decision.skip) return this.#units!.release();
      this.#answering++;
      const skipped = await this.#units!.skip(held);
      await this.#send(skippedSignal, { shard: task.shard, skipped });
      this.#answering--;
    });
  }

  async execute(): Promise<ShardReport> {
    const { task } = this;
    const units = await this.#load();
    if (units !== null) {
      this.#units = new RunUnits({
        plan: task.plan,
        run: task,
        units: (this.#list = units),
        progress: this.#progress,
        control: this.#control,
        scope: this.#scope,
        consider: () => this.#consider(),
        shard: { number: task.shard, firstUnit: task.firstUnit },
      });
      await this.#units.process(decodeOrdinals(task.skipped));
    }
    // Requests of the run are answered first.
    await CancellationScope.nonCancellable(() =>
      condition(() => this.#answering === 0 && (this.#held === null || this.#scope.consideredCancelled)),
    );
    await this.#archive();
    return this.#report();
  }

  /** Null if the shard was cancelled before they were loaded. */
  async #load(): Promise<Unit[] | null> {
    const { version, stageToken, list, plan } = this.task;
    const { loadShard } = proxyActivities<RunActivities>({
      startToCloseTimeout: '5 minutes',
      heartbeatTimeout: plan.heartbeatTimeoutMs,
      retry: CONTROL_RETRY,
    });
    try {
      const answer = await loadShard({ version, stageToken, list, stage: plan.stage });
      return resultOf('loadShard', answer, asLoadedShard).units;
    } catch (error) {
      if (isCancellation(error)) return null;
      throw error;
    }
  }

  /** A run may take longer than the server retains the history of an ended shard. */
  async #archive(): Promise<void> {
    const { version, runId, stageToken, shard, plan } = this.task;
    const { stage, generation, execution } = plan;
    const { archiveShard } = proxyActivities<RunActivities>({
      startToCloseTimeout: '2 minutes',
      heartbeatTimeout: '10s',
      retry: { maximumAttempts: 3, initialInterval: '1s' },
    });
    try {
      await CancellationScope.nonCancellable(() =>
        archiveShard({ version, runId, stageToken, shard, stage, generation, execution }),
      );
    } catch {
      // The activity's failure says why; it does not affect the shard.
    }
  }

  #apply(): void {
    void this.#control.pause(this.#settings.paused);
    this.#control.setConcurrency(this.#settings.lanes);
  }

  /** Whether all of these are partitions of this shard. */
  #areOurs(asked: unknown): asked is { ordinals: string } {
    if (!isObject(asked) || typeof asked.ordinals !== 'string') return false;
    const from = Math.min(...this.#list.map((unit) => unit.from));
    const to = Math.max(...this.#list.map((unit) => unit.to));
    return (ordinalsWithin(asked.ordinals, { from, to }) ?? 0) > 0;
  }

  #report(): ShardReport {
    const { counts, waitingEnds, running, alikeState, firstErrors } = this.#progress;
    return {
      version: 1,
      shard: this.task.shard,
      number: this.#reported.number + 1,
      counts: { ...counts, PENDING: 0 },
      waiting: waitingEnds,
      running: running.size,
      alike: alikeState,
      firstErrors: [...firstErrors],
    };
  }

  /** Sends one report at a time; the next one includes everything that happened in the meantime. */
  #consider(): void {
    const report = this.#report();
    const rule = { ...this.task.report, everyFailures: this.#settings.everyFailures };
    if (this.#reporting || !isDue(this.#reported, report, rule)) return;
    this.#reported = report;
    this.#reporting = true;
    void this.#send(reportSignal, report).then(() => {
      this.#reporting = false;
      this.#consider();
    });
  }

  /** Failures are ignored: when the run is gone, its shards are terminated with it. */
  async #send<T>(signal: SignalDefinition<[T]>, value: T): Promise<void> {
    const { workflowId, runId } = workflowInfo().parent!;
    await CancellationScope.nonCancellable(() =>
      getExternalWorkflowHandle(workflowId, runId).signal(signal, value),
    ).catch(() => {});
  }
}
