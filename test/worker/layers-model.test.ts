/** The networks as tfjs LayersModels: the same outputs as the engine's, also after saving and loading. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel, type LayersModel } from '@tensorflow/tfjs-layers';
import { RECIPE_NAMES } from '../../src/recipe/recipes.js';
import type { ExportedFile } from '../../src/protocol/trainer-api.js';
import type { Engine, EngineInput } from '../../src/worker/engine/engine.js';
import { createTfjsEngine, startBackend } from '../../src/worker/engine/tfjs/index.js';
import { buildLayersModel, exportLayersModels } from '../../src/worker/engine/tfjs/layers-model.js';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { fewInput, fewState } from '../support/few-recipe.js';
import { hashed, tinyInput } from './support/tiny.js';

const ROWS = 7;
const TOLERANCE = 1e-5;

/** Reads a model back from its files through tfjs-layers' own loader. */
function load(files: readonly ExportedFile[], name: string): Promise<LayersModel> {
  const bytesOf = (file: string): Uint8Array<ArrayBuffer> => {
    const found = files.find(({ path }) => path === `${name}/${file}`);
    if (found === undefined)
      throw new Error(`No ${name}/${file} in ${files.map(({ path }) => path).join(', ')}.`);
    return found.bytes;
  };
  const { modelTopology, weightsManifest, ...rest } = JSON.parse(
    new TextDecoder().decode(bytesOf('model.json')),
  ) as {
    readonly modelTopology: object;
    readonly weightsManifest: { readonly paths: string[]; readonly weights: tf.io.WeightsManifestEntry[] }[];
    readonly format: string;
  };
  const [group] = weightsManifest;
  expect(group!.paths).to.deep.equal(['weights.bin']);
  const weightData = bytesOf('weights.bin').slice().buffer;
  return loadLayersModel(
    tf.io.fromMemory({ ...rest, modelTopology, weightSpecs: group!.weights, weightData }),
  );
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).to.equal(b.length);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

async function predict(model: LayersModel, values: Float32Array, shape: number[]): Promise<Float32Array> {
  const input = tf.tensor(values, shape);
  const output = model.predict(input) as tf.Tensor;
  try {
    return Float32Array.from(await output.data<'float32'>());
  } finally {
    tf.dispose([input, output]);
  }
}

/** Runs a test on an engine after three updates, so that running statistics are not at their start. */
async function withTrainedEngine(
  input: EngineInput,
  work: (engine: Engine, files: readonly ExportedFile[]) => Promise<void>,
): Promise<void> {
  const engine = await createTfjsEngine('cpu', input);
  try {
    await engine.advance(3);
    const { tensors } = await engine.exportState();
    await work(engine, await exportLayersModels(input.recipe, tensors));
  } finally {
    engine.dispose();
  }
}

describe('the exported LayersModels', () => {
  for (const recipe of RECIPE_NAMES) {
    it(`classify and generate as the engine does (${recipe})`, async () => {
      const input = tinyInput(recipe);
      const shape = [ROWS, ...input.dataset.imageShape];
      const images = Float32Array.from({ length: ROWS * 784 }, (_, i) => hashed(i, 1));
      await withTrainedEngine(input, async (engine, files) => {
        const discriminator = await load(files, 'discriminator');
        const logits = await predict(discriminator, images, shape);
        expect(logits.length % ROWS).to.equal(0);
        expect(logits.length / ROWS).to.be.at.least(input.dataset.classes);
        expect(largestDifference(logits, await engine.classify(images, ROWS))).to.be.below(TOLERANCE);
        discriminator.dispose();
        const { generator } = input.recipe;
        expect(files.length).to.equal(2 * input.recipe.networks.length);
        if (generator === null) return;
        const latents = Float32Array.from({ length: ROWS * generator.latentSize }, (_, i) => hashed(i, 2));
        const model = await load(files, 'generator');
        const made = await predict(model, latents, [ROWS, generator.latentSize]);
        expect(largestDifference(made, await engine.generate(latents, ROWS))).to.be.below(TOLERANCE);
        model.dispose();
      });
    });
  }

  it('normalise by groups as the engine does, with scales and offsets of their own, images and vectors', async () => {
    const small = fewInput();
    const state = fewState(small, 1);
    const files = await exportLayersModels(small.recipe, state.tensors);
    const images = Float32Array.from({ length: ROWS * 96 }, (_, i) => hashed(i, 7));
    const engine = await createTfjsEngine('cpu', small);
    try {
      await engine.importState(state);
      const model = await load(files, 'discriminator');
      const logits = await predict(model, images, [ROWS, ...small.dataset.imageShape]);
      model.dispose();
      expect(largestDifference(logits, await engine.classify(images, ROWS))).to.be.below(TOLERANCE);
    } finally {
      engine.dispose();
    }
    // A norm of a vector, by itself.
    const norm = { kind: 'groupNorm', name: 'norm', groups: 2, epsilon: 1e-3 } as const;
    const network = { name: 'vector', inputShape: [6], layers: [norm] };
    const part = (salt: number): NamedTensor => ({
      shape: [6],
      values: Float32Array.from({ length: 6 }, (_, i) => hashed(i, salt)),
    });
    const [gamma, beta] = [part(8), part(9)];
    const backend = await startBackend('cpu');
    try {
      backend.activate();
      const tensors = new Map([
        ['vector/norm/gamma', gamma],
        ['vector/norm/beta', beta],
      ]);
      const model = buildLayersModel(network, tensors);
      const found = await predict(model, Float32Array.of(1, 5, 3, -2, 0, 2), [1, 6]);
      model.dispose();
      const means = [3, 3, 3, 0, 0, 0];
      // Both groups have the same variance.
      const expected = [1, 5, 3, -2, 0, 2].map(
        (x, i) => ((x - means[i]!) / Math.sqrt(8 / 3 + 1e-3)) * gamma.values[i]! + beta.values[i]!,
      );
      expect(largestDifference(found, Float32Array.from(expected))).to.be.below(TOLERANCE);
    } finally {
      backend.dispose();
    }
  });

  it('show a weight that was changed: the comparison can fail', async () => {
    const input = tinyInput('labels-only');
    await withTrainedEngine(input, async (engine, files) => {
      const state = await engine.exportState();
      state.tensors.get('discriminator/logits/bias')!.values[3]! += 0.01;
      await engine.importState(state);
      const images = new Float32Array(ROWS * 784);
      const model = await load(files, 'discriminator');
      const logits = await predict(model, images, [ROWS, ...input.dataset.imageShape]);
      model.dispose();
      expect(largestDifference(logits, await engine.classify(images, ROWS))).to.be.closeTo(0.01, TOLERANCE);
    });
  });

  it('leave no tensors behind', async () => {
    const input = tinyInput('notebook');
    await withTrainedEngine(input, async (engine) => {
      const { tensors } = await engine.exportState();
      const before = tf.memory().numTensors;
      await exportLayersModels(input.recipe, tensors);
      expect(tf.memory().numTensors).to.equal(before);
    });
  });
});

it('a network that is used at its averaged parameters is exported with them', async () => {
  const plain = tinyInput('notebook');
  const { recipe } = plain;
  const averaged = {
    ...plain,
    recipe: {
      ...recipe,
      networks: recipe.networks.map((entry) => ({ ...entry, average: { decay: 0.5 } })),
      classifier: { ...recipe.classifier, parameters: 'average' as const },
    },
  };
  await withTrainedEngine(averaged, async (engine, files) => {
    const images = Float32Array.from({ length: ROWS * 784 }, (_, i) => hashed(i, 5));
    const model = await load(files, 'discriminator');
    const predicted = await predict(model, images, [ROWS, 28, 28, 1]);
    expect(largestDifference(predicted, await engine.classify(images, ROWS))).to.be.below(TOLERANCE);
    // Of the generator the current ones are used.
    const latents = Float32Array.from({ length: ROWS * 100 }, (_, i) => hashed(i, 6));
    const drawn = await predict(await load(files, 'generator'), latents, [ROWS, 100]);
    expect(largestDifference(drawn, await engine.generate(latents, ROWS))).to.be.below(TOLERANCE);
  });
});
