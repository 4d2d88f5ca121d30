/**
 * The notebook's step in jax-js on its webgpu device, in the variant that is fastest there. A frozen
 * yardstick for the benchmark: not tuned beyond that, and not to be. Owns the data and the loop.
 */

import { defaultDevice, init, jit, numpy as np, random, tree, type Device } from '@jax-js/jax';
import type { BenchEngine, BenchInput } from '../../../src/worker/benchmark/bench-engine.js';
import { CLASSES, discriminate, shapesOf, sizeOf, type NetworkName, type Statistics } from './networks.js';
import { compileStep, unflatten, type Batch, type State } from './step.js';

const PIXELS = 28 * 28;
const EVALUATION_ROWS = 250;

/** Glorot's uniform kernels, zero biases, gammas of one. */
function initialValues(name: NetworkName): np.Array {
  const values = shapesOf(name).flatMap(([key, shape]) => {
    const limit = Math.sqrt(6 / (sizeOf(shape.slice(2)) * (shape[0]! + (shape[1] ?? 0))));
    const draw = (): number => (2 * Math.random() - 1) * limit;
    const fixed = key.endsWith('/gamma') ? 1 : 0;
    return Array.from({ length: sizeOf(shape) }, key.endsWith('/kernel') ? draw : () => fixed);
  });
  return np.array(Float32Array.from(values));
}

function initialState(): State {
  const network = (name: NetworkName): State[NetworkName] => {
    const values = initialValues(name);
    return { m: np.zerosLike(values.ref), v: np.zerosLike(values.ref), values };
  };
  const statistics = (size: number): Statistics[string] => ({
    mean: np.zeros([size]),
    variance: np.ones([size]),
  });
  return {
    discriminator: network('discriminator'),
    generator: network('generator'),
    running: { norm2: statistics(64), norm3: statistics(128) },
    key: random.key(1),
    powers: np.ones([2]),
  };
}

/** Images [count, 1, 28, 28] in [-1, 1]. */
function imagesOf(bytes: Uint8Array, indices: readonly number[]): np.Array {
  const values = new Float32Array(indices.length * PIXELS);
  indices.forEach((index, row) => {
    for (let i = 0; i < PIXELS; i++) values[row * PIXELS + i] = bytes[index * PIXELS + i]! / 127.5 - 1;
  });
  return np.array(values).reshape([indices.length, 1, 28, 28]);
}

const classify = jit((values: np.Array, running: Statistics, images: np.Array): np.Array => {
  const [logits, seen] = discriminate(unflatten('discriminator', values), images, null, running);
  tree.dispose(seen);
  return np.argmax(logits, 1);
});

/** Makes the yardstick; `device` is jax-js' name of it. */
export async function createJaxJs(
  { train, test, batch }: BenchInput,
  device: Device = 'webgpu',
): Promise<BenchEngine> {
  const found = await init(device);
  if (!found.includes(device)) throw new Error(`jax-js found no ${device} here.`);
  defaultDevice(device);
  const trainStep = compileStep(batch);
  let state = initialState();
  const draw = (count: number): number[] =>
    Array.from({ length: count }, () => Math.floor(Math.random() * train.count));
  const drawBatch = (): Batch => {
    const rows = draw(Math.floor(0.1 * batch));
    const labels = new Float32Array(rows.length * CLASSES);
    rows.forEach((index, row) => (labels[row * CLASSES + train.labels[index]!] = 1));
    return {
      labelled: imagesOf(train.images, rows),
      unlabelled: imagesOf(train.images, draw(Math.floor(0.9 * batch))),
      labels: np.array(labels).reshape([rows.length, CLASSES]),
    };
  };
  return {
    name: 'jax-js',
    async steps(count) {
      let jsMs = 0;
      for (let i = 0; i < count; i++) {
        const startedAt = performance.now();
        const [losses, next] = trainStep(state, drawBatch());
        state = next;
        jsMs += performance.now() - startedAt;
        losses.generatorLoss.dispose();
        await losses.discriminatorLoss.data();
      }
      return jsMs;
    },
    async evaluate(count) {
      let correct = 0;
      for (let first = 0; first < count; first += EVALUATION_ROWS) {
        const rows = Array.from({ length: Math.min(EVALUATION_ROWS, count - first) }, (_, i) => first + i);
        const best = classify(
          state.discriminator.values.ref,
          tree.ref(state.running),
          imagesOf(test.images, rows),
        );
        const answers = (await best.data()) as Int32Array;
        rows.forEach((row, i) => (correct += Number(answers[i] === test.labels[row])));
      }
      return correct;
    },
    dispose: () => {
      tree.dispose(state);
      trainStep.dispose();
    },
  };
}
