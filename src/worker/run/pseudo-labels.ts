/** What the classifier makes of landmarks that spread labels have reached: how many it is confident of, and whether it agrees. */

import { NO_CLASS, type PseudoLabelReading } from '../../protocol/reports.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { LandmarkMaps } from '../checkpoint/landmark-maps.js';
import type { Engine, EngineInput } from '../engine/engine.js';
import { landmarksOf } from '../model/draws.js';
import { trainingImages } from './landmark-features.js';

/** Enough to know a share within 1.5 %. */
const MOST_IMAGES = 1000;
/** Images between two looks at the commands. */
const SLICE = 100;

export interface PseudoLabelsOptions extends Pick<EngineInput, 'recipe' | 'dataset' | 'split'> {
  /** How labels were spread last; null before. */
  readonly spread: () => LandmarkMaps['spread'];
}

/**
 * The probability above which the recipe takes an image's class for its label, one of each class or one of all; null
 * where it does not.
 */
function confidenceOf({ stages }: Recipe): readonly number[] | null {
  const terms = stages.flatMap(({ phases }) => phases.flatMap((phase) => phase.terms));
  for (const term of terms) if (term.kind === 'confidentShare') return [term.threshold].flat();
  return null;
}

/** Up to `MOST_IMAGES` of the landmarks from `first` on that have a class, evenly out of all: the same ones for the same classes. */
function rowsToRead(classes: Uint8Array, first: number): readonly number[] {
  const rows = Array.from(classes.keys()).filter((row) => row >= first && classes[row] !== NO_CLASS);
  const count = Math.min(MOST_IMAGES, rows.length);
  return Array.from({ length: count }, (_, index) => rows[Math.floor((index * rows.length) / count)]!);
}

/** Collects logits slice by slice. Changes nothing in the engine. */
export class PseudoLabels {
  readonly #options: PseudoLabelsOptions;
  readonly #confidence: readonly number[];
  readonly #landmarks: Uint32Array<ArrayBuffer>;
  /** Of the reading under way. */
  #rows: readonly number[] = [];
  #next = 0;
  #confident = 0;
  #alike = 0;

  /** null where the recipe spreads no labels, or makes none of its own. */
  static of(options: PseudoLabelsOptions): PseudoLabels | null {
    const confidence = confidenceOf(options.recipe);
    if (options.recipe.landmarks === null || confidence === null) return null;
    return new PseudoLabels(options, confidence);
  }

  private constructor(options: PseudoLabelsOptions, confidence: readonly number[]) {
    this.#options = options;
    this.#confidence = confidence;
    this.#landmarks = landmarksOf(options.recipe, options.split);
  }

  /** Forgets the one under way. */
  giveUp(): void {
    this.#next = 0;
    this.#confident = 0;
    this.#alike = 0;
  }

  /** Looks at one slice. Resolves with what all have come to, with null before that; with 'nothing' where there is nothing to read. */
  async goOn(engine: Engine): Promise<PseudoLabelReading | null | 'nothing'> {
    const spread = this.#options.spread();
    if (spread === null) return 'nothing';
    if (this.#next === 0) this.#rows = rowsToRead(spread.classes, this.#options.split.labelled.length);
    if (this.#rows.length === 0) return 'nothing';
    const rows = this.#rows.slice(this.#next, this.#next + SLICE);
    const indices = Uint32Array.from(rows, (row) => this.#landmarks[row]!);
    const logits = await engine.classify(trainingImages(this.#options.dataset, indices), rows.length);
    this.#take(logits, rows, spread.classes);
    this.#next += rows.length;
    if (this.#next < this.#rows.length) return null;
    const reading = {
      confidentLandmarks: this.#confident / this.#rows.length,
      spreadAgreement: this.#confident === 0 ? null : this.#alike / this.#confident,
    };
    this.giveUp();
    return reading;
  }

  #take(logits: Float32Array, rows: readonly number[], classes: Uint8Array): void {
    const width = logits.length / rows.length;
    rows.forEach((row, index) => {
      const own = logits.subarray(index * width, (index + 1) * width);
      const largest = Math.max(...own);
      const named = own.indexOf(largest);
      const sum = own.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      // A column beside the classes, where there is one, means "fake".
      if (named >= this.#options.recipe.classes) return;
      const least = this.#confidence[named] ?? this.#confidence[0]!;
      if (1 / sum <= least) return;
      this.#confident++;
      if (named === classes[row]) this.#alike++;
    });
  }
}
