/** Collects the scalars of a run's steps as they arrive, and makes the reports of its evaluations. */

import { MOST_EVALUATIONS, nonFiniteAdvice } from '../checkpoint/snapshot.js';
import { TrainerError } from '../../protocol/errors.js';
import type { Evaluation, EvaluationReport } from '../../protocol/reports.js';
import { allMetricNames, metricNames, TRAIN_ACCURACY } from '../../recipe/metrics.js';
import { stageAt, unmeasuredSteps, type Recipe } from '../../recipe/recipe.js';
import type { EvaluationResult } from './evaluation.js';
import type { RunProgress } from '../checkpoint/snapshot.js';
import type { StepMetrics } from '../engine/engine.js';

/** No more than are kept: where there are, every second one of them, and the last. */
function thinned(evaluations: readonly Evaluation[]): readonly Evaluation[] {
  if (evaluations.length <= MOST_EVALUATIONS) return evaluations;
  return evaluations.filter((_, index) => index % 2 === 0 || index === evaluations.length - 1);
}

export class MetricsRecord {
  /** Names of the scalars of all stages, in the order of the reports. */
  readonly names: readonly string[];
  readonly #recipe: Recipe;
  readonly #namesOfStages: readonly (readonly string[])[];
  readonly #unmeasuredSteps: number;
  readonly #resumedStep: number;
  #step: number;
  #evaluatedStep: number;
  #evaluations: readonly Evaluation[];
  #accuracySum: number;
  #accuracyCount: number;
  #lastValues: Readonly<Record<string, number>>;

  constructor(recipe: Recipe, progress: Omit<RunProgress, 'unmeasuredSteps'>) {
    this.names = allMetricNames(recipe);
    this.#recipe = recipe;
    this.#namesOfStages = recipe.stages.map(metricNames);
    this.#unmeasuredSteps = unmeasuredSteps(recipe);
    this.#resumedStep = progress.step;
    this.#step = progress.step;
    this.#evaluatedStep = progress.evaluatedStep;
    this.#evaluations = progress.evaluations;
    this.#accuracySum = progress.accuracySum;
    this.#accuracyCount = progress.accuracyCount;
    this.#lastValues = progress.lastValues;
  }

  get evaluatedStep(): number {
    return this.#evaluatedStep;
  }

  /**
   * Takes the next step's scalars; gives them in the order of `names`, NaN for those that its stage does not have.
   * Throws `NonFiniteLoss`, before anything is counted, where one is not finite.
   */
  add({ step, values }: StepMetrics): Float32Array<ArrayBuffer> {
    if (step !== this.#step + 1) {
      throw new Error(`The engine gave the scalars of step ${step} after those of step ${this.#step}.`);
    }
    const own = this.#namesOfStages[stageAt(this.#recipe, step - 1).stage]!;
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong !== -1) {
      throw new TrainerError(
        'NonFiniteLoss',
        `${own[wrong]} became ${values[wrong]} at step ${step}. ${nonFiniteAdvice(this.#resumedStep)}`,
      );
    }
    this.#step = step;
    this.#lastValues = Object.fromEntries(own.map((name, index) => [name, values[index]!]));
    const accuracy = this.#lastValues[TRAIN_ACCURACY];
    if (accuracy !== undefined) {
      this.#accuracySum += accuracy;
      this.#accuracyCount++;
    }
    return Float32Array.from(this.names, (name) => this.#lastValues[name] ?? NaN);
  }

  /** The report of an evaluation of the last step; begins a new mean of the training accuracy. */
  evaluated({ accuracy, generated, pseudoLabels }: EvaluationResult, elapsedMs: number): EvaluationReport {
    const { [TRAIN_ACCURACY]: trainAccuracy = NaN, ...losses } = this.#lastValues;
    const evaluation: Evaluation = {
      step: this.#step,
      trainAccuracy,
      // A last step that was evaluated before as the end of a shorter run has no steps since then.
      meanTrainAccuracy: this.#accuracyCount === 0 ? trainAccuracy : this.#accuracySum / this.#accuracyCount,
      testAccuracy: accuracy,
      losses,
      generated,
      pseudoLabels,
      elapsedMs,
    };
    this.#evaluatedStep = this.#step;
    // A last step is evaluated again where the run goes on from it and ends there after all.
    const before = this.#evaluations.filter(({ step }) => step < this.#step);
    this.#evaluations = thinned([...before, evaluation]);
    this.#accuracySum = 0;
    this.#accuracyCount = 0;
    return { type: 'evaluation', ...evaluation };
  }

  progress(elapsedMs: number): RunProgress {
    return {
      step: this.#step,
      unmeasuredSteps: this.#unmeasuredSteps,
      evaluatedStep: this.#evaluatedStep,
      evaluations: this.#evaluations,
      accuracySum: this.#accuracySum,
      accuracyCount: this.#accuracyCount,
      lastValues: this.#lastValues,
      elapsedMs,
    };
  }
}
