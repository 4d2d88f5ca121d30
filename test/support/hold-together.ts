/**
 * Holds an engine to the plan's interpreter on any recipe: what a step computes, and what it leaves behind,
 * each from the same state, so that no rounding grows from step to step.
 */

import type { Recipe } from '../../src/recipe/recipe.js';
import { TARGET_STORE } from '../../src/worker/model/parameters.js';
import type { Engine, EngineInput, EngineState } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { exactZerosOf } from './exact-zeros.js';
import type { TrainOptions } from '../../src/worker/engine/plan/lower/train-options.js';
import { expectClose, norm } from '../worker/support/compare.js';

export interface HoldOptions {
  readonly steps?: number;
  /** How the engine's step is planned, if not as for a GPU. */
  readonly trainOptions?: TrainOptions | undefined;
}

/** The state with targets for two of three landmarks, where the recipe keeps any. */
function withTargets(state: EngineState, { classes }: Recipe): EngineState {
  const store = state.tensors.get(TARGET_STORE);
  if (store === undefined) return state;
  const values = store.values.map((_, i) => {
    const [row, column] = [Math.floor(i / classes), i % classes];
    if (row % 3 === 0) return 0;
    return column === row % classes ? 0.75 : column === (row + 1) % classes ? 0.25 : 0;
  });
  return { step: state.step, tensors: new Map(state.tensors).set(TARGET_STORE, { ...store, values }) };
}

/** Throws, naming what differs, where the engine and the interpreter are not together. Disposes neither. */
export async function holdTogether(
  engine: Engine,
  input: EngineInput,
  { steps = 3, trainOptions }: HoldOptions = {},
): Promise<void> {
  const { recipe, dataset } = input;
  const reference = createInterpreter(input, { precision: 'float64', trainOptions });
  const isNoise = exactZerosOf(recipe);
  await reference.importState(withTargets(await reference.exportState(), recipe));
  for (let step = 0; step < steps; step++) {
    const before = await reference.exportState();
    await engine.importState(before);
    expectClose(
      await engine.inspectStep(),
      await reference.inspectStep(),
      (name) => (isNoise(name) ? 1e-4 : 3e-4),
      isNoise,
    );
    const [expected] = await reference.advance(1);
    const metrics = [...(await engine.advance(1)), ...(await engine.flush())];
    if (metrics.length !== 1 || metrics[0]!.step !== expected!.step) {
      throw new Error(`Step ${step} gave the scalars of ${metrics.length} steps.`);
    }
    expected!.values.forEach((value, index) => {
      const found = metrics[0]!.values[index]!;
      if (!(Math.abs(found - value) <= 3e-4 * Math.max(1, Math.abs(value)))) {
        throw new Error(`Metric ${index} of step ${step} is ${found} instead of ${value}.`);
      }
    });
    const after = (await reference.exportState()).tensors;
    const found = (await engine.exportState()).tensors;
    if ([...found.keys()].sort().join() !== [...after.keys()].sort().join())
      throw new Error('The names of the states differ.');
    // What a step changes is held together, as far as float32 shows a change of such a value.
    for (const [name, { values }] of after) {
      if (isNoise(name)) continue;
      const was = before.tensors.get(name)!.values;
      const change = norm(values.map((value, index) => value - was[index]!));
      const error = norm(values.map((value, index) => value - found.get(name)!.values[index]!));
      const limit = 2e-3 * change + 2e-7 * norm(values);
      if (!(error <= limit)) {
        throw new Error(`"${name}" moved by ${change} and is off by ${error}; ${limit} is allowed.`);
      }
    }
  }
  await engine.importState(await reference.exportState());
  const size = dataset.imageShape[0] * dataset.imageShape[1] * dataset.imageShape[2];
  const images = Float32Array.from({ length: 5 * size }, (_, index) => Math.sin(index));
  const same = (what: string, actual: Float32Array, expected: Float32Array): void =>
    expectClose(
      new Map([[what, { shape: [actual.length], values: Float32Array.from(actual) }]]),
      new Map([[what, { shape: [expected.length], values: Float32Array.from(expected) }]]),
      () => 1e-3,
    );
  same('logits', await engine.classify(images, 5), await reference.classify(images, 5));
  const correct = await reference.countCorrect(0, dataset.test.count);
  const counted = await engine.countCorrect(0, dataset.test.count);
  if (Math.abs(correct - counted) > 1) throw new Error(`${counted} test images are right, not ${correct}.`);
  if (recipe.generator === null) return;
  const latents = Float32Array.from({ length: 4 * recipe.generator.latentSize }, (_, i) => Math.cos(i));
  same('images', await engine.generate(latents, 4), await reference.generate(latents, 4));
}
