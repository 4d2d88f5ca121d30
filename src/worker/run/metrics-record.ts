/** Collects the scalars of a run's steps as they arrive, and makes the reports of its evaluations. */

import { metricsOf } from '../checkpoint/snapshot.js';
import { METRIC_NAMES, type EvaluationReport, type MetricName } from '../../protocol/reports.js';
import type { RunProgress } from '../checkpoint/snapshot.js';
import type { StepMetrics } from '../engine/engine.js';
import { TrainerError } from '../../protocol/errors.js';
import type { Recipe } from '../../recipe/recipes.js';

const ACCURACY = METRIC_NAMES.indexOf('trainAccuracy');

/** Collects the scalars of steps as they arrive. */
export class MetricsRecord {
  readonly #computed: readonly MetricName[];
  #step: number;
  #evaluatedStep: number;
  #accuracySum: number;
  #accuracyCount: number;
  #lastValues: Float32Array<ArrayBuffer>;

  constructor(recipe: Recipe, progress: RunProgress) {
    this.#computed = metricsOf(recipe);
    this.#step = progress.step;
    this.#evaluatedStep = progress.evaluatedStep;
    this.#accuracySum = progress.accuracySum;
    this.#accuracyCount = progress.accuracyCount;
    this.#lastValues = Float32Array.from(progress.lastValues, (value) => value ?? NaN);
  }

  /** The last step whose scalars are known. */
  get step(): number {
    return this.#step;
  }

  get evaluatedStep(): number {
    return this.#evaluatedStep;
  }

  /**
   * Takes the next step's scalars. Throws `NonFiniteLoss`, before anything is counted, where one
   * that the recipe computes is not finite.
   */
  add({ step, values }: StepMetrics): void {
    if (step !== this.#step + 1) {
      throw new Error(`The engine gave the scalars of step ${step} after those of step ${this.#step}.`);
    }
    for (const name of this.#computed) {
      const value = values[METRIC_NAMES.indexOf(name)]!;
      if (!Number.isFinite(value)) {
        throw new TrainerError(
          'NonFiniteLoss',
          `${name} became ${value} at step ${step}. ` +
            'Lower the learning rates; the last good state can be saved.',
        );
      }
    }
    this.#step = step;
    this.#accuracySum += values[ACCURACY]!;
    this.#accuracyCount++;
    this.#lastValues = values;
  }

  /** The report of an evaluation of the last step; begins a new mean of the training accuracy. */
  evaluated(testAccuracy: number, elapsedMs: number): EvaluationReport {
    const valueOf = (name: MetricName): number => this.#lastValues[METRIC_NAMES.indexOf(name)]!;
    const generatorLoss = valueOf('generatorLoss');
    const report: EvaluationReport = {
      type: 'evaluation',
      step: this.#step,
      trainAccuracy: valueOf('trainAccuracy'),
      // A last step that was evaluated before as the end of a shorter run has no steps since then.
      meanTrainAccuracy:
        this.#accuracyCount === 0 ? valueOf('trainAccuracy') : this.#accuracySum / this.#accuracyCount,
      testAccuracy,
      discriminatorLoss: valueOf('discriminatorLoss'),
      generatorLoss: Number.isNaN(generatorLoss) ? null : generatorLoss,
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
      lastValues: Array.from(this.#lastValues, (value) => (Number.isNaN(value) ? null : value)),
      elapsedMs,
    };
  }
}
