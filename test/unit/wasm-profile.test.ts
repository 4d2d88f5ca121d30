import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inStage } from '../../src/recipe/recipe.js';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import { planTrainStep } from '../../src/worker/engine/plan/plan.js';
import { profileStep } from '../../src/worker/engine/wasm/profile.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { expectIdentical } from '../worker/support/compare.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

const MULTIPLYING = ['product', 'filterGradient', 'contrastive', 'contrastiveGradient'];

describe('the time by operation of the wasm engine', () => {
  for (const recipe of RECIPE_NAMES) {
    it(`names every operation of ${recipe} once, and changes nothing`, async () => {
      const input = tinyInput(recipe);
      const engine = await nodeWasmEngine(input);
      await engine.advance(1);
      const before = await engine.exportState();
      const times = await profileStep(engine, 2);
      const after = await engine.exportState();
      assert.equal(after.step, before.step);
      expectIdentical(after.tensors, before.tensors);
      const { operations } = planTrainStep(inStage(input.recipe, 0), TRAIN_OPTIONS).program;
      assert.deepEqual(
        times.map(({ name, kind }) => [name, kind]),
        operations.map(({ name, kind }) => [name, kind]),
      );
      assert.equal(new Set(times.map(({ name }) => name)).size, times.length);
      for (const { name, kind, ms, multiplyAdds } of times) {
        assert.ok(Number.isFinite(ms) && ms >= 0, `${name} took ${ms} ms`);
        assert.equal(multiplyAdds > 0, MULTIPLYING.includes(kind), name);
      }
      engine.dispose();
    });
  }
});
