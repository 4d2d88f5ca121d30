/**
 * The plan of a recipe: its programs lowered, checked and laid out. The one entry for the engines
 * that run plans.
 */

import type { ParameterSet, Recipe, StageRecipe } from '../../../recipe/recipe.js';
import { checkMemory, checkProgram, checkUpdates } from './check.js';
import { withHalfActivations } from './half-activations.js';
import {
  lowerClassify,
  lowerEvaluate,
  lowerFeatures,
  lowerGenerate,
  lowerInitialise,
} from './lower/lower-inference.js';
import { lowerTrainStep } from './lower/lower-train.js';
import { layOut, type MemoryLayout } from './memory.js';
import type { Program } from './operations.js';
import type { TrainOptions } from './lower/train-options.js';

/** A program and where its tensors lie. */
export interface PlannedProgram {
  readonly program: Program;
  readonly layout: MemoryLayout;
}

/**
 * What a GPU is given. Split-K partial sums of about 512 summands: enough that writing and adding them costs
 * little beside the products, few enough that the smallest gradient of the notebook still makes a dozen tiles
 * side by side.
 */
export const DEFAULT_TRAIN_OPTIONS: TrainOptions = {
  reductionLength: 512,
  storesNormalised: true,
  joinsBiases: true,
};

/** Checks a program and lays it out. Throws where it breaks a rule of `check.ts`. */
export function planProgram(program: Program): PlannedProgram {
  checkProgram(program);
  const layout = layOut(program);
  checkMemory(program, layout);
  return { program, layout };
}

/** A planned program as a setting has its activations stored: where as float16, laid out anew. */
export function asStored(planned: PlannedProgram, float16: boolean): PlannedProgram {
  return float16 ? planProgram(withHalfActivations(planned.program)) : planned;
}

/** One step of a recipe in a stage. */
export function planTrainStep(
  recipe: StageRecipe,
  options: TrainOptions = DEFAULT_TRAIN_OPTIONS,
): PlannedProgram {
  const program = lowerTrainStep(recipe, options);
  checkUpdates(program, recipe);
  return planProgram(program);
}

/** How many of `rows` test images are classified as labelled. */
export function planEvaluate(recipe: Recipe, rows: number): PlannedProgram {
  return planProgram(lowerEvaluate(recipe, rows));
}

/** Logits of `rows` images. */
export function planClassify(recipe: Recipe, rows: number): PlannedProgram {
  return planProgram(lowerClassify(recipe, rows));
}

/** The landmark layer of `rows` images. Throws where the recipe has no landmarks. */
export function planFeatures(recipe: Recipe, rows: number, parameters: ParameterSet): PlannedProgram {
  return planProgram(lowerFeatures(recipe, rows, parameters));
}

/** Images of `rows` latents. Throws where the recipe has no generator. */
export function planGenerate(recipe: Recipe, rows: number): PlannedProgram {
  return planProgram(lowerGenerate(recipe, rows));
}

/** First values of all parameters. */
export function planInitialise(recipe: Recipe): PlannedProgram {
  return planProgram(lowerInitialise(recipe));
}
