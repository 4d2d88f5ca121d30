/**
 * The notebook's step as someone would write it with tfjs: plain operations, `tf.train.adam`, tfjs'
 * own dropout and random numbers. A frozen yardstick for the benchmark, on whichever backend is given:
 * not tuned, and not to be. Registers no backend and no kernel.
 */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import type { BenchEngine, BenchInput } from '../../harness/bench-engine.js';

const LATENT = 100;
const CLASSES = 11;
const MOMENTUM = 0.99;
const EPSILON = 1e-3;

interface Norm {
  readonly gamma: tf.Variable;
  readonly beta: tf.Variable;
  readonly mean: tf.Variable;
  readonly variance: tf.Variable;
}

function kernel(shape: readonly [number, number, number, number] | readonly [number, number]): tf.Variable {
  const area = shape.length === 4 ? shape[0] * shape[1] : 1;
  const [inputs, outputs] = shape.slice(-2) as [number, number];
  const limit = Math.sqrt(6 / (area * (inputs + outputs)));
  return tf.variable(tf.randomUniform([...shape], -limit, limit));
}

const bias = (size: number): tf.Variable => tf.variable(tf.zeros([size]));

function norm(size: number): Norm {
  return {
    gamma: tf.variable(tf.ones([size])),
    beta: tf.variable(tf.zeros([size])),
    mean: tf.variable(tf.zeros([size]), false),
    variance: tf.variable(tf.ones([size]), false),
  };
}

function normalise(x: tf.Tensor, { gamma, beta, mean, variance }: Norm, isTraining: boolean): tf.Tensor {
  if (!isTraining) return tf.batchNorm(x, mean, variance, beta, gamma, EPSILON);
  const moments = tf.moments(x, [0, 1, 2]);
  mean.assign(tf.add(tf.mul(mean, MOMENTUM), tf.mul(moments.mean, 1 - MOMENTUM)));
  variance.assign(tf.add(tf.mul(variance, MOMENTUM), tf.mul(moments.variance, 1 - MOMENTUM)));
  const centred = tf.div(tf.sub(x, moments.mean), tf.sqrt(tf.add(moments.variance, EPSILON)));
  return tf.add(tf.mul(centred, gamma), beta);
}

/** Makes the yardstick on a registered backend of tfjs; `name` is what the benchmark calls it. */
export async function createTfjs(
  name: string,
  backend: string,
  { train, test, batch }: BenchInput,
): Promise<BenchEngine> {
  // Backends share one tfjs, so each turn begins by choosing its own.
  const choose = async (): Promise<void> => {
    if (!(await tf.setBackend(backend))) throw new Error(`tfjs could not start its backend ${backend} here.`);
  };
  await choose();
  const g = {
    kernels: [
      kernel([2, 2, 100, LATENT]),
      kernel([3, 3, 64, 100]),
      kernel([4, 4, 32, 64]),
      kernel([6, 6, 1, 32]),
    ],
    biases: [bias(100), bias(64), bias(32), bias(1)],
    norms: [norm(100), norm(64), norm(32)],
  };
  const d = {
    kernels: [
      kernel([5, 5, 1, 32]),
      kernel([3, 3, 32, 64]),
      kernel([2, 2, 64, 128]),
      kernel([2, 2, 128, 128]),
    ],
    biases: [bias(32), bias(64), bias(128), bias(128)],
    norms: [norm(64), norm(128)],
    dense: kernel([512, CLASSES]),
    denseBias: bias(CLASSES),
  };
  const gSizes: readonly (readonly [number, number])[] = [
    [2, 100],
    [5, 64],
    [12, 32],
    [28, 1],
  ];
  const generate = (latents: tf.Tensor2D, isTraining: boolean): tf.Tensor4D => {
    const rows = latents.shape[0];
    let x: tf.Tensor = tf.reshape(latents, [rows, 1, 1, LATENT]);
    gSizes.forEach(([size, channels], i) => {
      const filter = g.kernels[i] as tf.Variable<tf.Rank.R4>;
      x = tf.add(
        tf.conv2dTranspose(x as tf.Tensor4D, filter, [rows, size, size, channels], i === 0 ? 1 : 2, 'valid'),
        g.biases[i]!,
      );
      x = i < 3 ? tf.relu(normalise(x, g.norms[i]!, isTraining)) : tf.tanh(x);
    });
    return x as tf.Tensor4D;
  };
  const convolve = (x: tf.Tensor, i: number): tf.Tensor =>
    tf.add(tf.conv2d(x as tf.Tensor4D, d.kernels[i] as tf.Variable<tf.Rank.R4>, 2, 'same'), d.biases[i]!);
  const discriminate = (
    images: tf.Tensor4D,
    isTraining: boolean,
  ): { logits: tf.Tensor2D; features: tf.Tensor2D } => {
    const drop = (x: tf.Tensor): tf.Tensor => (isTraining ? tf.dropout(x, 0.5) : x);
    let x = tf.leakyRelu(drop(convolve(images, 0)));
    x = tf.leakyRelu(normalise(convolve(x, 1), d.norms[0]!, isTraining));
    x = drop(tf.leakyRelu(normalise(convolve(x, 2), d.norms[1]!, isTraining)));
    x = tf.leakyRelu(convolve(x, 3));
    const features = tf.reshape<tf.Rank.R2>(x, [images.shape[0], -1]);
    return { features, logits: tf.add<tf.Tensor2D>(tf.matMul(features, d.dense), d.denseBias) };
  };
  const dVariables = [
    ...d.kernels,
    ...d.biases,
    ...d.norms.flatMap(({ gamma, beta }) => [gamma, beta]),
    d.dense,
    d.denseBias,
  ];
  const gVariables = [...g.kernels, ...g.biases, ...g.norms.flatMap(({ gamma, beta }) => [gamma, beta])];
  const dOptimizer = tf.train.adam(1e-3);
  const gOptimizer = tf.train.adam(1e-3);
  const imagesOf = (bytes: Uint8Array, indices: readonly number[]): tf.Tensor4D => {
    const values = new Float32Array(indices.length * 784);
    indices.forEach((index, row) => {
      for (let i = 0; i < 784; i++) values[row * 784 + i] = bytes[index * 784 + i]! / 127.5 - 1;
    });
    return tf.tensor4d(values, [indices.length, 28, 28, 1]);
  };
  const draw = (count: number): number[] =>
    Array.from({ length: count }, () => Math.floor(Math.random() * train.count));
  const sigmoidLoss = (logits: tf.Tensor2D, target: 0 | 1): tf.Scalar => {
    const fake = tf.slice(logits, [0, CLASSES - 1], [-1, 1]);
    return tf.losses.sigmoidCrossEntropy(tf.fill(fake.shape, target), fake);
  };

  const step = (): tf.Scalar =>
    tf.tidy(() => {
      const labelledRows = draw(Math.floor(0.1 * batch));
      const labelled = imagesOf(train.images, labelledRows);
      const unlabelled = imagesOf(train.images, draw(Math.floor(0.9 * batch)));
      const oneHot = tf.oneHot(
        tf.tensor1d(
          labelledRows.map((index) => train.labels[index]!),
          'int32',
        ),
        CLASSES,
      );
      const latents = tf.randomUniform<tf.Rank.R2>([batch, LATENT], -1, 1);
      const dGradients = tf.variableGrads(() => {
        const fake = discriminate(generate(latents, true), true);
        const real = discriminate(unlabelled, true);
        const known = discriminate(labelled, true);
        const supervised = tf.losses.softmaxCrossEntropy(tf.cast(oneHot, 'float32'), known.logits);
        const losses = [sigmoidLoss(real.logits, 0), sigmoidLoss(fake.logits, 1), supervised as tf.Scalar];
        return tf.addN<tf.Scalar>(losses);
      }, dVariables);
      const gGradients = tf.variableGrads(
        () => sigmoidLoss(discriminate(generate(latents, true), true).logits, 0),
        gVariables,
      );
      // The type leaves out what `variableGrads` gives; the optimiser takes it.
      dOptimizer.applyGradients(dGradients.grads as Parameters<typeof dOptimizer.applyGradients>[0]);
      gOptimizer.applyGradients(gGradients.grads as Parameters<typeof dOptimizer.applyGradients>[0]);
      return dGradients.value;
    });

  return {
    name,
    async steps(count) {
      await choose();
      let jsMs = 0;
      for (let i = 0; i < count; i++) {
        const startedAt = performance.now();
        const loss = step();
        jsMs += performance.now() - startedAt;
        await loss.data();
        loss.dispose();
      }
      return jsMs;
    },
    async evaluate(count) {
      await choose();
      let correct = 0;
      for (let first = 0; first < count; first += 250) {
        const rows = Array.from({ length: Math.min(250, count - first) }, (_, i) => first + i);
        const best = tf.tidy(() => tf.argMax(discriminate(imagesOf(test.images, rows), false).logits, 1));
        const found = await best.data();
        best.dispose();
        rows.forEach((row, i) => (correct += Number(found[i] === test.labels[row])));
      }
      return correct;
    },
    dispose: () => tf.disposeVariables(),
  };
}
