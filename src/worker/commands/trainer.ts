/**
 * The object behind the wire: commands in, one at a time and in order of arrival, reports out. Says
 * what each command means in which state, as the table in docs/architecture.md has it; the state
 * itself is `current-run.ts`'s.
 */

import { transfer } from 'comlink';
import {
  PROTOCOL_VERSION,
  type ExportedFile,
  type Hello,
  type OpenOptions,
  type ReportListener,
  type TrainerApi,
} from '../../protocol/trainer-api.js';
import type { Settings, SettingsInput } from '../../protocol/settings.js';
import type { TrainerState } from '../../protocol/reports.js';
import { readCheckpoint, writeCheckpoint } from '../checkpoint/checkpoint.js';
import { CurrentRun } from '../run/current-run.js';
import { loadDataset } from '../data/load.js';
import type { EngineState } from '../engine/engine.js';
import { TrainerError } from '../../protocol/errors.js';
import { Loader, type LoaderOptions } from '../run/loading.js';
import { busy, checkSteps, runFinished } from '../run/refusals.js';
import { Reporter, type ReporterOptions } from './reporter.js';
import type { Recipe } from '../../recipe/recipe.js';
import { SerialQueue } from '../run/serial-queue.js';
import { invalidSetting, overrideSettings, resolveSettings } from '../../protocol/check-settings.js';
import { checkLabels } from '../data/split.js';
import { useMovedFiles } from '../../browser/build-files.js';
import { folderUrl } from '../../browser/folder-url.js';
import { WORKER_VERSION } from '../version.js';
import { describeValue } from '../../protocol/wording.js';

/** What the trainer needs of its surroundings; tests give their own. */
export interface TrainerOptions
  extends
    Pick<
      LoaderOptions,
      'engines' | 'buildRecipe' | 'spreadKernels' | 'now' | 'yieldToCommands' | 'startTimer' | 'measuring'
    >,
    Pick<ReporterOptions, 'schedule'> {
  readonly fetch: typeof fetch;
  /** `open` answers once this has resolved, with whether the worker holds its lock. */
  readonly whenLocked?: Promise<boolean>;
  /** A recipe's networks with these tensors, as files of LayersModels. */
  readonly exportModel: (recipe: Recipe, state: EngineState) => Promise<ExportedFile[]>;
}

/** A command that was begun; the next may begin while `done` is still open. */
interface Begun<T> {
  readonly done: T | Promise<T>;
}

/** The settings of a command, checked, and the number of steps where it gives one. */
function readInput(input: SettingsInput): { readonly settings: Settings; readonly steps: number | null } {
  const settings = resolveSettings(input);
  return { settings, steps: input.steps === undefined ? null : settings.steps };
}

export class Trainer implements TrainerApi {
  readonly #options: TrainerOptions;
  readonly #commands = new SerialQueue();
  #opened: { readonly reporter: Reporter; readonly current: CurrentRun } | null = null;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  async open(
    { protocolVersion, dataUrl, files = {} }: OpenOptions,
    listener: ReportListener,
  ): Promise<Hello> {
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
    if (folderUrl(dataUrl) !== dataUrl) {
      throw invalidSetting('dataUrl', dataUrl, 'absolute URLs of a folder, ending with a slash');
    }
    useMovedFiles(files);
    const { fetch, now, schedule } = this.#options;
    const reporter = new Reporter({ listener, now, schedule });
    const report: LoaderOptions['report'] = (item) => reporter.report(item);
    const loader = new Loader({
      ...this.#options,
      loadDataset: (signal, onProgress) => loadDataset({ dataUrl, fetch, signal, onProgress }),
      report,
    });
    this.#opened = { reporter, current: new CurrentRun(loader, report) };
    const holdsLock = (await this.#options.whenLocked) === true;
    return { protocolVersion: PROTOCOL_VERSION, workerVersion: WORKER_VERSION, holdsLock };
  }

  start(input: SettingsInput): Promise<TrainerState> {
    return this.#command((current) => {
      const { settings, steps } = readInput(input);
      if (current.state === 'idle') return { done: current.load({ settings, next: 'start' }) };
      if (current.state === 'loading') return { done: current.queueStart(steps) };
      const stepsDone = current.run.step;
      if (current.state === 'finished' && (steps ?? 0) <= stepsDone) throw runFinished(stepsDone);
      current.start(steps);
      return { done: current.state };
    });
  }

  pause(): Promise<TrainerState> {
    return this.#command(async (current) => {
      if (current.state === 'loading') current.cancelQueuedStart();
      if (current.state === 'running') await current.run.stop();
      return { done: current.state };
    });
  }

  step(input: SettingsInput): Promise<TrainerState> {
    return this.#command((current) => {
      const { settings, steps } = readInput(input);
      if (current.state === 'idle') return { done: current.load({ settings, next: 'step' }) };
      if (current.state === 'loading' || current.state === 'running') throw busy('step', current.state);
      if (current.state === 'finished') throw runFinished(current.run.step);
      return { done: current.step(steps) };
    });
  }

  reset(input: SettingsInput): Promise<TrainerState> {
    return this.#command(async (current) => {
      const { settings } = readInput(input);
      if (current.state === 'loading') current.giveUpLoading();
      if (current.state === 'idle') return { done: current.state };
      // What can be known to be wrong is refused before anything is stopped.
      checkLabels(current.run.dataset, settings);
      await current.stopForGood();
      return { done: current.load({ settings }) };
    });
  }

  save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#command((current) => {
      const save = async (): Promise<Uint8Array<ArrayBuffer>> => {
        const bytes = writeCheckpoint(await current.snapshot());
        return transfer(bytes, [bytes.buffer]);
      };
      return { done: save() };
    });
  }

  load(
    bytes: Uint8Array<ArrayBuffer>,
    overrides: Pick<SettingsInput, 'engine' | 'steps'>,
  ): Promise<TrainerState> {
    return this.#command((current) => {
      if (current.state === 'loading' || current.state === 'running') throw busy('load', current.state);
      const checkpoint = readCheckpoint(bytes);
      const settings = overrideSettings(checkpoint.settings, overrides);
      checkSteps(settings.steps, checkpoint.progress.step);
      return { done: current.load({ settings, checkpoint }) };
    });
  }

  exportModel(): Promise<ExportedFile[]> {
    return this.#command((current) => {
      const save = async (): Promise<ExportedFile[]> => {
        const { recipe, state } = await current.snapshot();
        const files = await this.#options.exportModel(recipe, state);
        return transfer(
          files,
          files.map(({ bytes }) => bytes.buffer),
        );
      };
      return { done: save() };
    });
  }

  /** Ends the run as failed, for an error that no command and no step answers for. */
  fail(error: unknown): void {
    this.#opened?.current.fail(error);
  }

  /**
   * Begins commands in order of arrival. What a command reported has arrived before it settles: reports
   * and answers come by ports of their own, which keep no order between them.
   */
  async #command<T>(begin: (current: CurrentRun) => Begun<T> | Promise<Begun<T>>): Promise<T> {
    if (this.#opened === null) throw new TrainerError('Internal', 'The first command has to be open().');
    const { reporter, current } = this.#opened;
    try {
      const { done } = await this.#commands.run(() => begin(current));
      return await done;
    } finally {
      await reporter.flush();
    }
  }
}
