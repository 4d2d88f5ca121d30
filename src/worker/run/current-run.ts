/**
 * The run that stands, the one being made to take its place, and the state that follows from both.
 * Reports every change of state. Knows nothing of the wire; `trainer.ts` says what a command means
 * in which state.
 */

import type { ErrorInfo } from '../../protocol/errors.js';
import type { Report, TrainerState } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { fromErrorInfo, toErrorInfo } from '../../protocol/errors.js';
import type { Loader } from './loading.js';
import { busy, checkSteps, givenUp, nothingToSave, runFailed } from './refusals.js';
import type { Run, RunOutcome } from './run.js';
import type { RunSnapshot } from '../checkpoint/snapshot.js';

export interface LoadRequest {
  readonly settings: Settings;
  /** Left out for a run that begins. */
  readonly checkpoint?: Checkpoint;
  /** What to do with the run at once. */
  readonly next?: 'start' | 'step';
}

/** A run being made, and what to do once it is there. */
interface Loading {
  readonly request: LoadRequest;
  readonly abort: AbortController;
  /** State to go back to when it comes to nothing. */
  readonly stateBefore: TrainerState;
  isStartQueued: boolean;
  /** Total number of steps from a start that came meanwhile. */
  steps: number | null;
  /** Settles when the run is in place, or with the reason why it is not. */
  made: Promise<void>;
  /** The step that was asked for with it. */
  stepped: Promise<TrainerState> | null;
}

/** Rejects with the signal's reason as soon as it is aborted: whoever waits does not wait for what is under way. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

export class CurrentRun {
  readonly #loader: Loader;
  readonly #report: (report: Report) => void;
  #state: TrainerState = 'idle';
  /** Why the state is `failed`. */
  #error: ErrorInfo | null = null;
  #run: Run | null = null;
  #loading: Loading | null = null;

  constructor(loader: Loader, report: (report: Report) => void) {
    this.#loader = loader;
    this.#report = report;
  }

  get state(): TrainerState {
    return this.#state;
  }

  /** The run of a state that has one; throws `RunFailed` where it has failed. */
  get run(): Run {
    if (this.#state === 'failed' || this.#run === null) throw runFailed(this.#error);
    return this.#run;
  }

  /** Begins to make a run at once; the one that stands stays until the new one is sure. */
  async load(request: LoadRequest): Promise<TrainerState> {
    const loading: Loading = {
      request,
      abort: new AbortController(),
      stateBefore: this.#state,
      isStartQueued: request.next === 'start',
      steps: null,
      made: Promise.resolve(),
      stepped: null,
    };
    this.#loading = loading;
    this.#setState('loading');
    loading.made = Promise.race([this.#makeRun(loading), rejectionOf(loading.abort.signal)]);
    await loading.made;
    return loading.stepped ?? this.#state;
  }

  /** While loading: goes as soon as the run is there, to `steps` where given. */
  async queueStart(steps: number | null): Promise<TrainerState> {
    const loading = this.#loading!;
    if (steps !== null) checkSteps(steps, loading.request.checkpoint?.progress.step ?? 0);
    loading.isStartQueued = true;
    loading.steps = steps ?? loading.steps;
    await loading.made;
    return this.#state;
  }

  /** While loading: the run will rest. */
  cancelQueuedStart(): void {
    this.#loading!.isStartQueued = false;
  }

  /** While loading: back to before any run. Whoever waits for the one being made gets `Aborted`. */
  giveUpLoading(): void {
    this.#loading!.abort.abort(givenUp());
    this.#loading = null;
    void this.#run?.dispose();
    this.#run = null;
    this.#setState('idle');
  }

  /** Goes to the end of the run, to `steps` where given. */
  start(steps: number | null): void {
    this.#changeSteps(this.run, steps);
    void this.#go(this.run, Infinity);
  }

  /** Resolves when one step is made, with its images, and its evaluation unless that takes long; rejects where it failed. */
  async step(steps: number | null): Promise<TrainerState> {
    this.#changeSteps(this.run, steps);
    return this.#goOneStep(this.run);
  }

  /** Stops the run, which another is to replace; throws `RunFailed` where it failed meanwhile. */
  async stopForGood(): Promise<void> {
    await this.run.stop({ withSamples: false });
    if (this.#state === 'failed') throw runFailed(this.#error);
  }

  /** The state to save; the last good one where the run has failed. */
  async snapshot(): Promise<RunSnapshot> {
    if (this.#state === 'loading') throw busy('save', this.#state);
    const run = this.#run;
    if (run === null) throw nothingToSave(this.#state);
    try {
      if (this.#state !== 'failed') return await run.snapshot();
    } catch (error) {
      // Failed while it was asked: what can be saved is what could have been saved before.
      if (run !== this.#run || run.lastGood === null) throw error;
    }
    if (run.lastGood === null) throw nothingToSave(this.#state);
    return run.lastGood;
  }

  /** Ends the run as failed, for an error that no command and no step answers for. */
  fail(error: unknown): void {
    if (this.#loading === null) {
      this.#run?.fail(error);
      return;
    }
    this.giveUpLoading();
    this.#error = toErrorInfo(error);
    this.#setState('failed');
  }

  #setState(state: TrainerState): void {
    this.#state = state;
    const error = state === 'failed' ? this.#error : null;
    this.#report({ type: 'state', state, step: this.#run?.step ?? 0, error });
  }

  #changeSteps(run: Run, steps: number | null): void {
    if (steps === null || steps === run.settings.steps) return;
    checkSteps(steps, run.step);
    run.setSteps(steps);
    this.#report(run.settingsReport);
  }

  /** Resolves when the run rests or is given another goal. */
  #go(run: Run, goal: number): Promise<void> {
    const settled = run.go(goal);
    if (this.#state !== 'running') this.#setState('running');
    return settled;
  }

  async #goOneStep(run: Run): Promise<TrainerState> {
    await this.#go(run, run.step + 1);
    if (this.#state !== 'failed' || this.#error === null) return this.#state;
    throw fromErrorInfo(this.#error);
  }

  #onRest(outcome: RunOutcome): void {
    if (typeof outcome === 'string') {
      this.#setState(outcome);
    } else {
      this.#error = outcome;
      this.#setState('failed');
    }
  }

  async #makeRun(loading: Loading): Promise<void> {
    const { settings, checkpoint = null } = loading.request;
    let run: Run | null = null;
    try {
      run = await this.#loader.makeRun({
        settings,
        checkpoint,
        signal: loading.abort.signal,
        onRest: (outcome) => {
          if (run !== null && run === this.#run) this.#onRest(outcome);
        },
      });
    } catch (error) {
      if (this.#loading === loading) this.#backFrom(loading, error);
      throw error;
    }
    if (this.#loading !== loading) {
      void run.dispose();
      throw givenUp();
    }
    this.#adopt(run, loading);
  }

  /** Puts a run in place of the one before, and does what was asked for meanwhile. */
  #adopt(run: Run, loading: Loading): void {
    void this.#run?.dispose();
    this.#run = run;
    this.#loading = null;
    this.#error = null;
    if (loading.request.next === 'step') loading.stepped = this.#goOneStep(run);
    const isOver = run.isFinished && (loading.steps ?? 0) <= run.step;
    if (loading.isStartQueued && !isOver) void this.#go(run, Infinity);
    if (this.#state === 'loading') {
      const atRest = run.step === 0 ? 'ready' : 'paused';
      this.#setState(run.isFinished ? 'finished' : atRest);
    }
    // Only now: settings reported while loading are those of a new run.
    this.#changeSteps(run, loading.steps);
  }

  /** After loading has failed: what stood before still stands, and a bad wish is no failure. */
  #backFrom({ stateBefore }: Loading, error: unknown): void {
    this.#loading = null;
    const info = toErrorInfo(error);
    const isBadWish = info.kind === 'InvalidSettings' || info.kind === 'InvalidCheckpoint';
    if (stateBefore !== 'idle' || isBadWish) {
      this.#setState(stateBefore);
      return;
    }
    this.#error = info;
    this.#setState('failed');
  }
}
