/**
 * Makes a run, from settings or from a checkpoint: engine found, data fetched, split drawn, engine
 * started. Reports each stage; leaves nothing behind when it fails or is given up.
 */

import type { Report, RunReport } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { checkData, checkpointState, type Checkpoint } from '../checkpoint/checkpoint.js';
import { mapReports } from '../checkpoint/landmark-maps.js';
import { findEngines, startEngine } from '../engine/choose-engine.js';
import type { EngineEntry } from '../engine/engine-entry.js';
import type { EngineInput } from '../engine/engine.js';
import type { Measuring } from '../engine/fastest-engine.js';
import type { Dataset } from '../data/dataset.js';
import { fingerprintOf } from '../data/fingerprint.js';
import { TrainerError } from '../../protocol/errors.js';
import type { StartTimer } from '../../protocol/patience.js';
import { realImageGrid } from '../engine/image-grid.js';
import { Replay } from './replay.js';
import { Run, type RunOptions } from './run.js';
import type { buildRecipe } from '../../recipe/build-recipe.js';
import { RecipeError } from '../../recipe/check-recipe.js';
import { allLossNames, allMetricNames } from '../../recipe/metrics.js';
import type { Recipe } from '../../recipe/recipe.js';
import { SerialQueue } from './serial-queue.js';
import type { SpreadKernels } from '../spread/kernels.js';
import { makeSplit } from '../data/split.js';

export interface LoaderOptions extends Pick<RunOptions, 'report' | 'now' | 'yieldToCommands'> {
  readonly engines: readonly EngineEntry[];
  readonly buildRecipe: typeof buildRecipe;
  /** What spreads labels on so many threads, as the settings have them. */
  readonly spreadKernels: (threads: number) => SpreadKernels;
  readonly loadDataset: (
    signal: AbortSignal,
    onProgress: (loadedBytes: number, totalBytes: number) => void,
  ) => Promise<Dataset>;
  /** How `auto` compares engines; left out where it takes the first that starts. */
  readonly measuring?: Omit<Measuring, 'yieldToCommands'> | undefined;
  /** Another clock for time limits than the thread's; tests give theirs. */
  readonly startTimer?: StartTimer | undefined;
}

export interface RunRequest {
  readonly settings: Settings;
  /** The run goes on from here; null for one that begins. */
  readonly checkpoint: Checkpoint | null;
  readonly onRest: RunOptions['onRest'];
  readonly signal: AbortSignal;
}

function runReport(recipe: Recipe, dataset: Dataset): RunReport {
  const { imageShape, classNames, train, test } = dataset;
  return {
    type: 'run',
    metrics: allMetricNames(recipe),
    losses: allLossNames(recipe),
    stages: recipe.stages.map(({ key, steps, accuracy, before }) => ({
      key,
      steps,
      isMeasured: accuracy !== null,
      spreadsLabels: before?.kind === 'spread',
    })),
    data: {
      imageShape,
      classNames,
      trainCount: train.count,
      testCount: test.count,
      fingerprint: fingerprintOf(dataset),
    },
  };
}

/** What the page is told of a checkpoint's evaluations and maps, where it has any. */
function historyOf(checkpoint: Checkpoint | null): readonly Report[] {
  if (checkpoint === null) return [];
  const evaluations = checkpoint.progress.evaluations.map(
    (each) => ({ type: 'evaluation', ...each }) as const,
  );
  const history: Report[] = evaluations.length === 0 ? [] : [{ type: 'history', evaluations }];
  return [...history, ...mapReports(checkpoint.maps)];
}

export class Loader {
  readonly #options: LoaderOptions;
  /**
   * Engines share their libraries' globals, so one is started at a time. One that was given up is waited
   * for as well, but only a little: it may never answer.
   */
  readonly #starts = new SerialQueue();
  #dataset: Dataset | null = null;

  constructor(options: LoaderOptions) {
    this.#options = options;
  }

  /**
   * A run at its first step or at its checkpoint's, its samples shown. Throws what is wrong with
   * settings, checkpoint, data or engine, or `Aborted`.
   */
  async makeRun({ settings, checkpoint, onRest, signal }: RunRequest): Promise<Run> {
    const { engines, report, now, yieldToCommands, startTimer, measuring } = this.#options;
    const waiting = { signal, start: startTimer };
    this.#reportStage('engine');
    const findings = await findEngines(settings.engine, engines, waiting);
    signal.throwIfAborted();
    const dataset = await this.#loadDataset(signal);
    signal.throwIfAborted();

    this.#reportStage('model');
    // Other data may fit neither its recipe nor its labels.
    if (checkpoint !== null) checkData(checkpoint, dataset);
    const scheduleSteps = checkpoint?.scheduleSteps ?? settings.steps;
    const recipe = this.#buildRecipe(settings, scheduleSteps, dataset);
    report({ type: 'images', source: 'real', step: 0, grid: realImageGrid(dataset, recipe) });
    const split = makeSplit(dataset, settings);
    const input: EngineInput = { recipe, settings, dataset, split };
    const state = checkpoint === null ? null : checkpointState(checkpoint, recipe, dataset, split);
    // Until the run is sure to take the place of the one before, the page hears nothing of it.
    let held: Report[] | null = [];
    const reportOfRun = (item: Report): void => (held === null ? report(item) : void held.push(item));
    const replay = new Replay({ report: reportOfRun, now, yieldToCommands });
    const surroundings = {
      report: reportOfRun,
      now,
      replay,
      measuring: measuring === undefined ? undefined : { ...measuring, yieldToCommands },
    };
    const started = await this.#starts.run(() => {
      signal.throwIfAborted();
      return startEngine(settings.engine, findings, input, surroundings, waiting);
    });
    const { engine } = started;
    const run = new Run({
      ...input,
      scheduleSteps,
      spreadKernels: this.#options.spreadKernels(settings.threads),
      engine,
      replay,
      progress: checkpoint?.progress,
      maps: checkpoint?.maps,
      report: reportOfRun,
      onRest,
      now,
      yieldToCommands,
    });
    try {
      if (state !== null) await engine.importState(state);
      await run.prepare();
      signal.throwIfAborted();
    } catch (error) {
      await run.dispose();
      throw error;
    }
    const notes: Report[] =
      checkpoint === null || checkpoint.hasDigest ? [] : [{ type: 'note', note: 'checkpointWithoutDigest' }];
    const about = runReport(recipe, dataset);
    const history = historyOf(checkpoint);
    const reports = [started.report, run.settingsReport, about, ...history, ...notes, ...held];
    held = null;
    reports.forEach(report);
    return run;
  }

  /** Throws `InvalidSettings` where recipe, settings and data do not go together. */
  #buildRecipe(settings: Settings, scheduleSteps: number, dataset: Dataset): Recipe {
    try {
      return this.#options.buildRecipe(settings, dataset, { scheduleSteps });
    } catch (error) {
      if (!(error instanceof RecipeError)) throw error;
      throw new TrainerError('InvalidSettings', error.message, { cause: error });
    }
  }

  async #loadDataset(signal: AbortSignal): Promise<Dataset> {
    if (this.#dataset !== null) return this.#dataset;
    this.#reportStage('data');
    const dataset = await this.#options.loadDataset(signal, (loadedBytes, totalBytes) => {
      this.#options.report({ type: 'loading', stage: 'data', loadedBytes, totalBytes });
    });
    this.#dataset = dataset;
    return dataset;
  }

  #reportStage(stage: 'engine' | 'data' | 'model'): void {
    this.#options.report({ type: 'loading', stage, loadedBytes: 0, totalBytes: 0 });
  }
}
