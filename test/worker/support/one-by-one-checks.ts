/** What must hold of the operations that `one-by-one.ts` ran. */

import { expect } from '@open-wc/testing';
import { inStage, stageAt, type Recipe } from '../../../src/recipe/recipe.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type { Operation } from '../../../src/worker/engine/plan/operations.js';
import { planTrainStep, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import type { Reduction } from '../../../src/worker/engine/webgpu/kernels/reduce.js';
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

/** Every operation's results are the interpreter's; what is drawn, bit for bit, but for views where `planned` has some. */
export function expectAgreement(
  all: readonly Written[],
  recipe: Recipe,
  planned?: Pick<PlannedProgram, 'program'>,
): void {
  const isNoise = exactZeroSumsOf(recipe);
  for (const { operation, tensor, type, actual, expected } of all) {
    const what = `"${tensor}" of "${operation.name}" (${operation.kind})`;
    if (planned !== undefined && hasViews(operation, tensor, planned)) {
      const errors = actual.map((value, i) => Math.abs(value - expected[i]!));
      expect(Math.max(...errors), what).to.be.at.most(VIEW_TOLERANCE);
    } else if (type === 'u32' || operation.kind === 'draw') {
      expect(actual, what).to.deep.equal(expected);
    } else if (isNoise(tensor)) {
      expect(norm(actual.map((value, i) => value - expected[i]!)), what).to.be.at.most(TOLERANCE);
    } else {
      expect(relativeError(actual, expected), what).to.be.at.most(TOLERANCE);
    }
  }
}

/** Runs the train step after `step` of a recipe operation by operation; none may be left out. */
export async function checkOneByOne(
  input: EngineInput,
  tiles: Tiles,
  step: number,
  state: NamedTensors = stirred(input),
  reduction: Reduction = 'lines',
): Promise<void> {
  const { stage, origin } = stageAt(input.recipe, step);
  const planned = planTrainStep(inStage(input.recipe, stage));
  const all = await withDevice(
    (device) => runOneByOne(device, input, planned, { tiles, reduction, state, step, origin }),
    reduction === 'subgroups' ? [{ name: 'subgroups', askedBy: 'This test' }] : [],
  );
  expect(new Set(all.map(({ operation }) => operation)).size).to.equal(planned.program.operations.length);
  expectAgreement(all, input.recipe, planned);
}
