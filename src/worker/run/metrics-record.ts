/** Collects the scalars of a run's steps as they arrive, and makes the reports of its evaluations. */

import { nonFiniteAdvice } from '../checkpoint/snapshot.js';
import { TrainerError } from '../../protocol/errors.js';
import type { EvaluationReport } from '../../protocol/reports.js';
import { metricNames, TRAIN_ACCURACY } from '../../recipe/metrics.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { RunProgress } from '../checkpoint/snapshot.js';
import type { StepMetrics } from '../engine/engine.js';

export class MetricsRecord {
  /** Names of a step's scalars, in the order of `StepMetrics.values`. */
  readonly names: readonly string[];
  readonly #resumedStep: number;
  #step: number;
  #evaluatedStep: number;
  #accuracySum: number;
  #accuracyCount: number;
  #lastValues: Readonly<Record<string, number>>;

  constructor(recipe: Recipe, progress: RunProgress) {
    this.names = metricNames(recipe);
    this.#resumedStep = progress.step;
    this.#step = progress.step;
    this.#evaluatedStep = progress.evaluatedStep;
    this.#accuracySum = progress.accuracySum;
    this.#accuracyCount = progress.accuracyCount;
    this.#lastValues = progress.lastValues;
  }

  get evaluatedStep(): number {
    return this.#evaluatedStep;
  }

  /** Takes the next step's scalars. Throws `NonFiniteLoss`, before anything is counted, where one is not finite. */
  add({ step, values }: StepMetrics): void {
    if (step !== this.#step + 1) {
      throw new Error(`The engine gave the scalars of step ${step} after those of step ${this.#step}.`);
    }
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong !== -1) {
      throw new TrainerError(
        'NonFiniteLoss',
        `${this.names[wrong]} became ${values[wrong]} at step ${step}. ${nonFiniteAdvice(this.#resumedStep)}`,
      );
    }
    this.#step = step;
    this.#lastValues = Object.fromEntries(this.names.map((name, index) => [name, values[index]!]));
    this.#accuracySum += this.#lastValues[TRAIN_ACCURACY]!;
    this.#accuracyCount++;
  }

  /** The report of an evaluation of the last step; begins a new mean of the training accuracy. */
  evaluated(testAccuracy: number, elapsedMs: number): EvaluationReport {
    const { [TRAIN_ACCURACY]: trainAccuracy = NaN, ...losses } = this.#lastValues;
    const report: EvaluationReport = {
      type: 'evaluation',
      step: this.#step,
      trainAccuracy,
      // A last step that was evaluated before as the end of a shorter run has no steps since then.
      meanTrainAccuracy: this.#accuracyCount === 0 ? trainAccuracy : this.#accuracySum / this.#accuracyCount,
      testAccuracy,
      losses,
      elapsedMs,
    };
    this.#evaluatedStep = this.#step;
    this.#accuracySum = 0;
    this.#accuracyCount = 0;
    return report;
  }

  progress(elapsedMs: number): RunProgress {
    return {
      step: this.#step,
      evaluatedStep: this.#evaluatedStep,
      accuracySum: this.#accuracySum,
      accuracyCount: this.#accuracyCount,
      lastValues: this.#lastValues,
      elapsedMs,
    };
  }
}
