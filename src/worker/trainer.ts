/**
 * The object behind the wire: commands in, one at a time and in order of arrival, reports out. Owns
 * the state machine and no computation; `loading.ts` makes runs and `run.ts` trains them. What each
 * command does in which state stands in docs/architecture.md.
 */

import { transfer } from 'comlink';
import {
  PROTOCOL_VERSION,
  type ErrorInfo,
  type ExportedFile,
  type Hello,
  type OpenOptions,
  type ReportListener,
  type Settings,
  type SettingsInput,
  type TrainerApi,
  type TrainerState,
} from '../protocol.js';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.js';
import { loadDataset } from './data/load.js';
import type { EngineState } from './engine/engine.js';
import { toErrorInfo, TrainerError } from './errors.js';
import { Loader, type LoaderOptions } from './loading.js';
import { busy, checkSteps, nothingToSave, runFailed, runFinished } from './refusals.js';
import { Reporter, type ReporterOptions } from './reporter.js';
import type { Recipe } from './recipes.js';
import type { Run, RunOutcome, RunSnapshot } from './run.js';
import { SerialQueue } from './serial-queue.js';
import { invalidSetting, resolveSettings } from './settings.js';
import { checkLabels } from './split.js';
import { WORKER_VERSION } from './version.js';
import { describeValue } from './wording.js';

/** What the trainer needs of its surroundings; tests give their own. */
export interface TrainerOptions
  extends Pick<LoaderOptions, 'engines' | 'buildRecipe' | 'now' | 'yieldToCommands'>,
    Pick<ReporterOptions, 'schedule'> {
  readonly fetch: typeof fetch;
  /** A recipe's networks with these tensors, as files of LayersModels. */
  readonly exportModel: (recipe: Recipe, state: EngineState) => Promise<ExportedFile[]>;
}

interface LoadRequest {
  readonly settings: Settings;
  readonly checkpoint?: Checkpoint;
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

/** A command that was begun; the next may begin while `done` is still open. */
interface Begun<T> {
  readonly done: T | Promise<T>;
}

export class Trainer implements TrainerApi {
  readonly #options: TrainerOptions;
  readonly #commands = new SerialQueue();
  #opened: { readonly reporter: Reporter; readonly loader: Loader } | null = null;
  #state: TrainerState = 'idle';
  /** Why the state is `failed`. */
  #error: ErrorInfo | null = null;
  #run: Run | null = null;
  #loading: Loading | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  async open({ protocolVersion, dataUrl }: OpenOptions, listener: ReportListener): Promise<Hello> {
    if (protocolVersion !== PROTOCOL_VERSION) {
      throw new TrainerError(
        'WorkerUnavailable',
        `The page speaks protocol ${describeValue(protocolVersion)}, the worker ${PROTOCOL_VERSION}: ` +
          'they come from different builds. Reload the page.',
      );
    }
    if (this.#opened !== null) {
      throw new TrainerError('Busy', 'The worker is open already; every client makes a worker of its own.');
    }
    if (!URL.canParse(dataUrl) || !dataUrl.endsWith('/')) {
      throw invalidSetting('dataUrl', dataUrl, 'absolute URLs of a folder, ending with a slash');
    }
    const { fetch, now, schedule } = this.#options;
    const reporter = new Reporter({ listener, now, schedule });
    const loader = new Loader({
      ...this.#options,
      loadDataset: (signal, onProgress) => loadDataset({ dataUrl, fetch, signal, onProgress }),
      report: (report) => reporter.report(report),
    });
    this.#opened = { reporter, loader };
    return { protocolVersion: PROTOCOL_VERSION, workerVersion: WORKER_VERSION };
  }

  start(input: SettingsInput): Promise<TrainerState> {
    return this.#command(() => {
      const settings = resolveSettings(input);
      const steps = input.steps === undefined ? null : settings.steps;
      if (this.#loading !== null) return { done: this.#queueStart(this.#loading, steps) };
      if (this.#state === 'idle') return { done: this.#load({ settings, next: 'start' }) };
      const run = this.#standingRun();
      if (this.#state === 'finished' && (steps ?? 0) <= run.step) throw runFinished(run.step);
      this.#changeSteps(run, steps);
      void this.#go(run, Infinity);
      return { done: this.#state };
    });
  }

  pause(): Promise<TrainerState> {
    return this.#command(async () => {
      if (this.#loading !== null) this.#loading.isStartQueued = false;
      if (this.#state === 'running') await this.#run!.stop();
      return { done: this.#state };
    });
  }

  step(input: SettingsInput): Promise<TrainerState> {
    return this.#command(() => {
      const settings = resolveSettings(input);
      if (this.#state === 'idle') return { done: this.#load({ settings, next: 'step' }) };
      if (this.#state === 'loading' || this.#state === 'running') throw busy('step', this.#state);
      const run = this.#standingRun();
      if (this.#state === 'finished') throw runFinished(run.step);
      this.#changeSteps(run, input.steps === undefined ? null : settings.steps);
      return { done: this.#goOneStep(run) };
    });
  }

  reset(input: SettingsInput): Promise<TrainerState> {
    return this.#command(async () => {
      const settings = resolveSettings(input);
      if (this.#loading !== null) {
        this.#giveUp(this.#loading);
        this.#setState('idle');
      }
      if (this.#state === 'idle') return { done: this.#state };
      // What can be known to be wrong is refused before anything is stopped.
      checkLabels(this.#standingRun().dataset, settings);
      await this.#run!.stop({ withSamples: false });
      this.#standingRun();
      return { done: this.#load({ settings }) };
    });
  }

  save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#command(() => ({ done: this.#save() }));
  }

  load(
    bytes: Uint8Array<ArrayBuffer>,
    overrides: Pick<SettingsInput, 'engine' | 'steps'>,
  ): Promise<TrainerState> {
    return this.#command(() => {
      if (this.#state === 'loading' || this.#state === 'running') throw busy('load', this.#state);
      const checkpoint = readCheckpoint(bytes);
      const { engine = checkpoint.settings.engine, steps = checkpoint.settings.steps } = overrides;
      const settings = resolveSettings({ ...checkpoint.settings, engine, steps });
      checkSteps(settings.steps, checkpoint.progress.step);
      return { done: this.#load({ settings, checkpoint }) };
    });
  }

  exportModel(): Promise<ExportedFile[]> {
    return this.#command(() => ({ done: this.#exportModel() }));
  }

  /** Ends the run as failed, for an error that no command and no step answers for. */
  fail(error: unknown): void {
    if (this.#loading === null) {
      this.#run?.fail(error);
      return;
    }
    this.#giveUp(this.#loading);
    this.#error = toErrorInfo(error);
    this.#setState('failed');
  }

  /** Begins commands in order of arrival; what a command reported goes out before it settles. */
  async #command<T>(begin: () => Begun<T> | Promise<Begun<T>>): Promise<T> {
    if (this.#opened === null) throw new TrainerError('Internal', 'The first command has to be open().');
    try {
      const { done } = await this.#commands.run(begin);
      return await done;
    } finally {
      this.#opened.reporter.flush();
    }
  }

  #setState(state: TrainerState): void {
    this.#state = state;
    const error = state === 'failed' ? this.#error : null;
    this.#opened!.reporter.report({ type: 'state', state, step: this.#run?.step ?? 0, error });
  }

  /** The run of a state that has one; throws `RunFailed` where it has failed. */
  #standingRun(): Run {
    if (this.#state === 'failed' || this.#run === null) throw runFailed(this.#error);
    return this.#run;
  }

  #changeSteps(run: Run, steps: number | null): void {
    if (steps === null) return;
    checkSteps(steps, run.step);
    run.setSteps(steps);
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
    throw new TrainerError(this.#error.kind, this.#error.message);
  }

  #onRest(outcome: RunOutcome): void {
    if (typeof outcome === 'object') {
      this.#error = outcome;
      this.#setState('failed');
    } else {
      this.#setState(outcome);
    }
  }

  /** Begins to make a run at once, so that the next command finds the state `loading`. */
  async #load(request: LoadRequest): Promise<TrainerState> {
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
    loading.made = this.#makeRun(loading);
    await loading.made;
    return loading.stepped ?? this.#state;
  }

  async #queueStart(loading: Loading, steps: number | null): Promise<TrainerState> {
    if (steps !== null) checkSteps(steps, loading.request.checkpoint?.progress.step ?? 0);
    loading.isStartQueued = true;
    loading.steps = steps ?? loading.steps;
    await loading.made;
    return this.#state;
  }

  async #makeRun(loading: Loading): Promise<void> {
    const { settings, checkpoint = null } = loading.request;
    let run: Run | null = null;
    try {
      run = await this.#opened!.loader.makeRun({
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
    this.#adopt(run, loading);
  }

  /** Puts a run in place of the one before, and does what was asked for meanwhile. */
  #adopt(run: Run, loading: Loading): void {
    void this.#run?.dispose();
    this.#run = run;
    this.#loading = null;
    this.#error = null;
    if (loading.steps !== null) run.setSteps(loading.steps);
    if (loading.request.next === 'step') loading.stepped = this.#goOneStep(run);
    if (loading.isStartQueued && !run.isFinished) void this.#go(run, Infinity);
    if (this.#state === 'running') return;
    if (run.isFinished) this.#setState('finished');
    else this.#setState(run.step === 0 ? 'ready' : 'paused');
  }

  /** After loading has failed: what stood before still stands, and a bad wish is no failure. */
  #backFrom({ stateBefore }: Loading, error: unknown): void {
    this.#loading = null;
    const info = toErrorInfo(error);
    const isWish = info.kind === 'InvalidSettings' || info.kind === 'InvalidCheckpoint';
    if (stateBefore !== 'idle' || isWish) {
      this.#setState(stateBefore);
      return;
    }
    this.#error = info;
    this.#setState('failed');
  }

  /** Whoever waits for the run being made gets `Aborted`. */
  #giveUp(loading: Loading): void {
    loading.abort.abort();
    this.#loading = null;
    void this.#run?.dispose();
    this.#run = null;
  }

  async #snapshot(): Promise<RunSnapshot> {
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

  async #save(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = writeCheckpoint(await this.#snapshot());
    return transfer(bytes, [bytes.buffer]);
  }

  async #exportModel(): Promise<ExportedFile[]> {
    const { recipe, state } = await this.#snapshot();
    const files = await this.#options.exportModel(recipe, state);
    return transfer(files, files.map(({ bytes }) => bytes.buffer));
  }
}
