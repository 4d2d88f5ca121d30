/** What must hold of the operations that `one-by-one.ts` ran. */

import { expect } from '@open-wc/testing';
import type { Recipe } from '../../../src/recipe/recipe.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { planTrainStep } from '../../../src/worker/engine/plan/plan.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import { exactZeroSumsOf } from '../../support/exact-zeros.js';
import { norm, relativeError } from './compare.js';
import { runOneByOne, stirred, withDevice, type Written } from './one-by-one.js';

/** One rounding of a float32 in each of many terms, and what built-in functions are allowed. */
const TOLERANCE = 1e-5;

/** Every operation's results are the interpreter's; what is drawn, bit for bit. */
export function expectAgreement(all: readonly Written[], recipe: Recipe): void {
  const isNoise = exactZeroSumsOf(recipe);
  for (const { operation, tensor, type, actual, expected } of all) {
    const what = `"${tensor}" of "${operation.name}" (${operation.kind})`;
    if (type === 'u32' || operation.kind === 'draw') {
      expect(actual, what).to.deep.equal(expected);
    } else if (isNoise(tensor)) {
      expect(norm(actual.map((value, i) => value - expected[i]!)), what).to.be.at.most(TOLERANCE);
    } else {
      expect(relativeError(actual, expected), what).to.be.at.most(TOLERANCE);
    }
  }
}

/** Runs the train step of a recipe operation by operation; none may be left out. */
export async function checkOneByOne(input: EngineInput, tiles: Tiles, step: number): Promise<void> {
  const planned = planTrainStep(input.recipe);
  const all = await withDevice((device) =>
    runOneByOne(device, input, planned, { tiles, state: stirred(input), step }),
  );
  expect(new Set(all.map(({ operation }) => operation)).size).to.equal(planned.program.operations.length);
  expectAgreement(all, input.recipe);
}
