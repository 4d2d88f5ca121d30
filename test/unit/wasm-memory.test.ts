/** Runs that are too large for WebAssembly's memory: refused with sizes, before anything is allocated. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { inStage } from '../../src/recipe/recipe.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { dataSizesOf } from '../../src/worker/engine/data-sizes.js';
import {
  planClassify,
  planEvaluate,
  planGenerate,
  planTrainStep,
} from '../../src/worker/engine/plan/plan.js';
import { Arena } from '../../src/worker/engine/wasm/memory/arena.js';
import { checkMemory, memoryNeeds, type MemoryNeeds } from '../../src/worker/engine/wasm/memory/needs.js';
import { placeResidents } from '../../src/worker/engine/wasm/memory/residents.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { SHAPES, shapedInput, shapeName } from '../support/shaped-input.js';
import { nodeWasmEngine } from './support/wasm.js';

const LARGE = { imageShape: [128, 128, 3], classes: 2 } as const;
const MOST_BYTES = new Arena(false).mostBytes;

/** Of large images: so many of them, in batches of a size. */
function needsOf(trainCount: number, settings: SettingsInput = {}): MemoryNeeds {
  const recipe = buildRecipe(resolveSettings(settings), LARGE);
  const sizes = { imageShape: LARGE.imageShape, trainCount, testCount: 1000, pooledCount: trainCount };
  return memoryNeeds(recipe, sizes, [planTrainStep(inStage(recipe, 0), TRAIN_OPTIONS)]);
}

test('a data set that is too large is refused with all sizes', () => {
  const needs = needsOf(1_000_000);
  assert.equal(needs.images, 1_001_000 * (128 * 128 * 3 + 1) + 4_000_000);
  assert.throws(() => checkMemory(needs, MOST_BYTES), {
    name: 'OutOfMemory',
    message:
      /^The run needs 49,\d{3},\d{3},\d{3} bytes: 49,206,153,000 for the images, [\d,]+ for the networks, [\d,]+ for what a step computes; WebAssembly has at most 2,147,418,112 here\. Use fewer or smaller images, or the engine "tfjs-wasm"\.$/,
  });
});

test('a batch that is too large is told from images that are too many', () =>
  assert.throws(() => checkMemory(needsOf(1000, { batch: 1024 }), MOST_BYTES), {
    name: 'OutOfMemory',
    message: /WebAssembly has at most 2,147,418,112 here\. Use a smaller batch, or smaller images, or/,
  }));

test('what fits is not refused', () => {
  checkMemory(needsOf(1000), MOST_BYTES);
  const needs = { images: 100, parameters: 20, programs: 3 };
  checkMemory(needs, 123);
  assert.throws(() => checkMemory(needs, 122), { name: 'OutOfMemory' });
});

for (const shape of SHAPES) {
  test(`what is reckoned is what is allocated, but for what kernels keep: ${shapeName(shape)}`, async () => {
    const input = shapedInput(shape);
    const { recipe } = input;
    const programs = [
      planTrainStep(inStage(recipe, 0), TRAIN_OPTIONS),
      planEvaluate(recipe, 100),
      planClassify(recipe, 32),
      planGenerate(recipe, 32),
    ];
    const { images, parameters, programs: ofPrograms } = memoryNeeds(recipe, dataSizesOf(input), programs);
    const arena = new Arena(false);
    placeResidents(arena, input);
    const residentBytes = arena.allocate(0);
    // Every tensor begins at a multiple of 64.
    assert.ok(residentBytes >= images + parameters && residentBytes < 1.02 * (images + parameters) + 20_000);
    const engine = await nodeWasmEngine(input);
    assert.ok(engine.memoryBytes >= images + parameters + ofPrograms);
    engine.dispose();
  });
}

test('the engine refuses before it allocates', async () => {
  const input = shapedInput(SHAPES[0]!);
  // A description of ten million images, without them.
  const { dataset } = input;
  const untouchable = new Proxy(new Uint8Array(0), {
    get: () => assert.fail('The images were looked at.'),
  });
  const huge = {
    ...input,
    dataset: { ...dataset, train: { ...dataset.train, count: 10_000_000, images: untouchable } },
  };
  await assert.rejects(nodeWasmEngine(huge), { name: 'OutOfMemory', message: /^The run needs 7,2\d\d,/ });
});
