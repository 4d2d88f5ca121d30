/** The plain yardstick of the recipes for few labels: it computes the engines' very step, and whatever it does wrong shows. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { CONTENDERS } from '../../../src/protocol/benchmark/contenders.js';
import type { Difference } from '../../../src/protocol/benchmark/report.js';
import { oneStage, stageKeys } from '../../../src/recipe/one-stage.js';
import type { Optimiser, Recipe } from '../../../src/recipe/recipe.js';
import { differenceOf } from '../../../src/worker/benchmark/correctness.js';
import { createPlainFewLabels } from '../../../src/worker/benchmark/plain-few-labels.js';
import { showImages } from '../../../src/worker/benchmark/plain-views.js';
import { stageInputs } from '../../../src/worker/benchmark/stage-inputs.js';
import type { NamedArray } from '../../../src/worker/benchmark/step-inputs.js';
import type { Engine, EngineInput, EngineState } from '../../../src/worker/engine/engine.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { startBackend } from '../../../src/worker/engine/tfjs/index.js';
import type { NamedTensors } from '../../../src/worker/model/parameters.js';
import { applyView, VIEW_WORDS } from '../../../src/worker/model/views.js';
import { wordToNormal, wordToUniform } from '../../../src/worker/random/philox.js';
import { RandomStreams } from '../../../src/worker/random/streams.js';
import { FEW_SHAPES, FEW_VIEWS, fewInput, fewState } from '../../support/few-recipe.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { nodeWasmEngine } from '../support/wasm.js';

/** What an engine computes in the first step, and what it computes it from. */
interface Reference {
  readonly input: EngineInput;
  readonly step: NamedTensors;
  readonly inputs: readonly NamedArray[];
}

async function referenceOf(engine: Engine, input: EngineInput): Promise<Reference> {
  try {
    return { input, step: await engine.inspectStep(), inputs: await stageInputs(engine, input) };
  } finally {
    engine.dispose();
  }
}

/** How far the yardstick is off the reference, for inputs that may be changed. */
async function differenceFrom(
  { input, step, inputs }: Reference,
  change: (inputs: readonly NamedArray[]) => readonly NamedArray[] = (same) => same,
): Promise<Difference> {
  const yardstick = await createPlainFewLabels('cpu', input);
  try {
    // The check comes after a step, as in a benchmark.
    await yardstick.steps(1);
    return differenceOf(await yardstick.inspect!(change(inputs)), step, input.recipe, true);
  } finally {
    yardstick.dispose();
  }
}

function expectRight({ losses, logits, gradients }: Difference, what: string, hasLogits: boolean): void {
  assert.ok(losses! < 1e-5, `${what}: losses ${losses}`);
  assert.equal(logits !== null, hasLogits, what);
  // Those of the second phase come after Adam, which makes much of a gradient that is next to nothing.
  assert.ok((logits ?? 0) < 1e-4, `${what}: logits ${logits}`);
  assert.ok(gradients! < 2e-4, `${what}: gradients ${gradients}`);
}

/** A stage by itself of the recipe that has every part, from a state in which nothing is at 0 or 1. */
async function fewReference(stage: number, shape = FEW_SHAPES[0]!): Promise<Reference> {
  const whole = fewInput(shape);
  // tfjs' epsilon stands elsewhere than TensorFlow's; one that is next to nothing is the same in both.
  const plain = (optimiser: Optimiser): Optimiser => ({ ...optimiser, epsilon: 1e-8 });
  const { networks, stages } = whole.recipe;
  const { optimiserOf, ...rest } = stages[stage]!;
  const recipe: Recipe = {
    ...whole.recipe,
    networks: networks.map((entry) => ({ ...entry, optimiser: plain(entry.optimiser) })),
    stages: [
      {
        ...rest,
        optimiserOf: Object.fromEntries(
          Object.entries(optimiserOf).map(([name, optimiser]) => [name, plain(optimiser)]),
        ),
        optimisers: 'fresh',
        before: null,
      },
    ],
  };
  const tensors: EngineState['tensors'] = new Map(
    [...fewState(whole, stage).tensors].map(([name, tensor]) => [
      name,
      name.startsWith('adam/') ? { ...tensor, values: tensor.values.map(() => 0) } : tensor,
    ]),
  );
  const input = { ...whole, recipe };
  const engine = createInterpreter(input, { precision: 'float64' });
  await engine.importState({ step: 0, tensors });
  return referenceOf(engine, input);
}

describe('the plain yardstick of the recipes for few labels', () => {
  for (const stage of [0, 1, 3]) {
    it(`computes the interpreter's step of a recipe that has every part (stage ${stage})`, async () => {
      for (const shape of FEW_SHAPES) {
        const reference = await fewReference(stage, shape);
        expectRight(await differenceFrom(reference), String(shape.imageShape), stage !== 0);
      }
    });
  }

  it('computes the wasm engine’s step of every stage of every recipe that it is said to be a copy of', async () => {
    const [, family] = CONTENDERS['tfjs-cpu'].copies;
    const done = new Set<string>();
    for (const name of family!.recipes) {
      const whole = tinyInput(name, { batch: 8 }, 16);
      for (const stage of stageKeys(whole.recipe)) {
        const input = { ...whole, recipe: oneStage(whole.recipe, stage) };
        // Several have a stage in common.
        const same = JSON.stringify(input.recipe.stages[0]!.phases);
        if (done.has(same)) continue;
        done.add(same);
        const reference = await referenceOf(await nodeWasmEngine(input), input);
        expectRight(await differenceFrom(reference), `${name}, ${stage}`, stage !== 'look');
      }
    }
    assert.ok(done.size >= 6, `${done.size} stages that differ`);
  });

  it('is shown as wrong where anything that it is given is something else', async () => {
    const given = new Set<string>();
    const shown = new Set<string>();
    for (const stage of [0, 1, 3]) {
      const reference = await fewReference(stage);
      const kinds = new Set(reference.inputs.map(({ name }) => name.split('/')[0]!));
      for (const kind of kinds) {
        given.add(kind);
        if (shown.has(kind)) continue;
        const { losses, logits, gradients } = await differenceFrom(reference, (inputs) =>
          inputs.map((array) =>
            array.name.split('/')[0] === kind
              ? { ...array, values: array.values.map((value, i) => (i % 2 === 0 ? 0.5 * value : value)) }
              : array,
          ),
        );
        if (Math.max(losses!, logits ?? 0, gradients!) > 3e-3) shown.add(kind);
      }
    }
    assert.ok(given.size >= 18, String([...given]));
    // Of the store, rows have their targets by themselves.
    assert.deepEqual(
      [...given].filter((kind) => !shown.has(kind)),
      ['landmarks'],
    );
  });

  it('names what it is not given', async () => {
    const reference = await fewReference(1);
    await assert.rejects(
      differenceFrom(reference, (inputs) => inputs.filter(({ name }) => !name.startsWith('noise@0'))),
      /The step's inputs have no "noise@0\/labelled\/noise"/,
    );
  });

  it('draws for itself, moves parameters and averages, classifies, and keeps nothing from step to step', async () => {
    const started = await startBackend('cpu');
    started.activate();
    const before = tf.memory().numTensors;
    for (const stage of [0, 1]) {
      const { input } = await fewReference(stage);
      const yardstick = await createPlainFewLabels('cpu', input);
      const made = tf.memory().numTensors;
      assert.ok((await yardstick.steps(1)) > 0);
      const kept = tf.memory().numTensors;
      assert.ok(kept > made, 'two moments of each parameter');
      await yardstick.steps(2);
      const { count } = input.dataset.test;
      const correct = await yardstick.evaluate(count);
      assert.ok(correct >= 0 && correct <= count);
      assert.equal(tf.memory().numTensors, kept);
      assert.ok(yardstick.memoryBytes!() > 0);
      yardstick.dispose();
      assert.equal(tf.memory().numTensors, before);
    }
    started.dispose();
  });

  it('shows images as the views are described, grey and in colour', async () => {
    const started = await startBackend('cpu');
    started.activate();
    const rows = 6;
    for (const { imageShape } of FEW_SHAPES) {
      const [height, width, channels] = imageShape;
      const size = height * width * channels;
      const images = Float32Array.from({ length: rows * size }, (_, i) => Math.sin(3 * i));
      const words = new RandomStreams(5).words(1, 0, rows * VIEW_WORDS);
      const wordOf = (row: number, word: number): number => words[row * VIEW_WORDS + word]!;
      for (const [name, view] of Object.entries(FEW_VIEWS)) {
        const shown = tf.tidy(() =>
          showImages(view, tf.tensor4d(images, [rows, height, width, channels]), {
            uniform: (row, word) => wordToUniform(wordOf(row, word)),
            strokeAngle: (row) => wordToNormal(wordOf(row, 13)),
            knots: () =>
              tf.tensor4d(
                Array.from({ length: rows * 50 }, (_, i) =>
                  wordToNormal(wordOf(Math.floor(i / 50), 16 + (i % 50))),
                ),
                [rows, 5, 5, 2],
              ),
          }),
        );
        const found = await shown.data();
        shown.dispose();
        const expected = new Float32Array(size);
        for (let row = 0; row < rows; row++) {
          const own = words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS);
          applyView(view, own, images.subarray(row * size, (row + 1) * size), imageShape, expected);
          expected.forEach((value, i) => {
            const off = Math.abs(found[row * size + i]! - value);
            assert.ok(off < 2e-5, `${name}, row ${row}, element ${i} is off by ${off}`);
          });
        }
      }
    }
    started.dispose();
  });
});
