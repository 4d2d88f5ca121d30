/** What must hold of the operations that `one-by-one.ts` ran. */

import { inStage, stageAt, type Recipe } from '../../../src/recipe/recipe.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type { Operation } from '../../../src/worker/engine/plan/operations.js';
import { asStored, planTrainStep, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import type { Reduction } from '../../../src/worker/engine/webgpu/kernels/reduce.js';
import { featuresAskedBy } from '../../../src/worker/engine/webgpu/optional-features.js';
import type { NamedTensors } from '../../../src/worker/model/parameters.js';
import { exactZeroSumsOf } from '../../support/exact-zeros.js';
import { norm, relativeError } from './compare.js';
import { runOneByOne, stirred, withDevice, type Written } from './one-by-one.js';

/** One rounding of a float32 in each of many terms, and what built-in functions are allowed. */
const TOLERANCE = 1e-5;

/** Pixels of views: a place of about 30 pixels in float32, times the steepest edge. */
const VIEW_TOLERANCE = 2e-5;

/** Whether an operation shows images in other views into the tensor of a name. */
function hasViews(
  operation: Operation,
  tensor: string,
  { program }: Pick<PlannedProgram, 'program'>,
): boolean {
  return (
    operation.kind === 'draw' &&
    operation.parts.some(
      (part) => part.kind === 'images' && part.view !== null && program.tensors[part.target]!.name === tensor,
    )
  );
}

/** Of the widths of a half: a device may round to the neighbour that is not the nearest. */
const HALF_TOLERANCE = 2 ** -10;

/** How far what was written is off, and how far it may be. */
function errorOf(
  { operation, tensor, type, actual, expected }: Written,
  planned: Pick<PlannedProgram, 'program'> | undefined,
  isNoise: (tensor: string) => boolean,
): { readonly error: number; readonly limit: number } {
  if (type === 'f16') return { error: relativeError(actual, expected), limit: HALF_TOLERANCE };
  const errors = actual.map((value, i) => Math.abs(value - expected[i]!));
  if (planned !== undefined && hasViews(operation, tensor, planned))
    return { error: Math.max(...errors), limit: VIEW_TOLERANCE };
  if (type === 'u32' || operation.kind === 'draw') {
    // NaN is in no value that is drawn.
    const differing = actual.filter((value, i) => value !== expected[i]);
    return { error: Math.max(differing.length, Math.abs(actual.length - expected.length)), limit: 0 };
  }
  if (isNoise(tensor)) return { error: norm(errors), limit: TOLERANCE };
  return { error: relativeError(actual, expected), limit: TOLERANCE };
}

/**
 * Every operation's results are the interpreter's; what is drawn, bit for bit, but for views where `planned` has some, and
 * halves. Throws where one is not.
 */
export function expectAgreement(
  all: readonly Written[],
  recipe: Recipe,
  planned?: Pick<PlannedProgram, 'program'>,
): void {
  const isNoise = exactZeroSumsOf(recipe);
  for (const written of all) {
    const { error, limit } = errorOf(written, planned, isNoise);
    if (error <= limit) continue;
    const { tensor, operation } = written;
    throw new Error(
      `"${tensor}" of "${operation.name}" (${operation.kind}) is off by ${error}, over ${limit}.`,
    );
  }
}

/** What is asked of the kernels beside what every adapter gives. */
export interface KernelFeatures {
  readonly reduction?: Reduction;
  readonly float16?: boolean;
}

/** Runs the train step after `step` of a recipe operation by operation; none may be left out. */
export async function checkOneByOne(
  input: EngineInput,
  tiles: Tiles,
  step: number,
  state: NamedTensors = stirred(input),
  { reduction = 'lines', float16 = false }: KernelFeatures = {},
): Promise<void> {
  const { stage, origin } = stageAt(input.recipe, step);
  const planned = asStored(planTrainStep(inStage(input.recipe, stage)), float16);
  const all = await withDevice(
    (device) => runOneByOne(device, input, planned, { tiles, reduction, state, step, origin }),
    featuresAskedBy({ subgroups: reduction === 'subgroups', float16 }),
  );
  const left = planned.program.operations.filter((each) => all.every(({ operation }) => operation !== each));
  if (left.length > 0) throw new Error(`Nothing was seen of ${left.map(({ name }) => name).join(', ')}.`);
  expectAgreement(all, input.recipe, planned);
}
