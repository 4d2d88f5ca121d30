/**
 * The notebook's step as someone would write it with tfjs: plain operations, `tf.train.adam`, tfjs'
 * own dropout and random numbers. A frozen yardstick for the benchmark, on whichever backend is given:
 * not tuned, and not to be.
 */

import * as tf from '@tensorflow/tfjs-core';
import { gradientName } from '../engine/engine.js';
import type { TfjsBackend } from '../engine/tfjs/index.js';
import type { NamedTensors } from '../model/parameters.js';
import type { BenchEngine, BenchInput } from './bench-engine.js';
import { countCorrect, makeSteps, readTensors, startPlainBackend } from './plain-backend.js';
import type { NamedArray } from './step-inputs.js';

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

/** What a dropout layer makes of its input; `layer` is 1 or 3, as the notebook numbers them. */
type Drop = (x: tf.Tensor, layer: 1 | 3) => tf.Tensor;

const dropHalf: Drop = (x) => tf.dropout(x, 0.5);

/**
 * Makes the yardstick on a backend of tfjs. Rejects with `EngineUnavailable` where the platform lacks what
 * that needs.
 */
export async function createPlainTfjs(
  backend: TfjsBackend,
  { train, test, batch }: BenchInput,
): Promise<BenchEngine> {
  const plain = await startPlainBackend(backend);
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
    drop: Drop | null,
  ): { logits: tf.Tensor2D; features: tf.Tensor2D } => {
    const isTraining = drop !== null;
    let x = convolve(images, 0);
    x = tf.leakyRelu(drop?.(x, 1) ?? x);
    x = tf.leakyRelu(normalise(convolve(x, 1), d.norms[0]!, isTraining));
    x = tf.leakyRelu(normalise(convolve(x, 2), d.norms[1]!, isTraining));
    x = drop?.(x, 3) ?? x;
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
  const trained = [...dVariables, ...gVariables];
  const running = [...g.norms, ...d.norms].flatMap(({ mean, variance }) => [mean, variance]);
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

  const dLoss = (fake: tf.Tensor2D, real: tf.Tensor2D, known: tf.Tensor2D, oneHot: tf.Tensor): tf.Scalar => {
    const supervised = tf.losses.softmaxCrossEntropy(tf.cast(oneHot, 'float32'), known);
    return tf.addN<tf.Scalar>([sigmoidLoss(real, 0), sigmoidLoss(fake, 1), supervised as tf.Scalar]);
  };
  const oneHotOf = (labels: readonly number[]): tf.Tensor =>
    tf.oneHot(tf.tensor1d([...labels], 'int32'), CLASSES);

  const step = (): tf.Scalar =>
    tf.tidy(() => {
      const labelledRows = draw(Math.floor(0.1 * batch));
      const labelled = imagesOf(train.images, labelledRows);
      const unlabelled = imagesOf(train.images, draw(Math.floor(0.9 * batch)));
      const oneHot = oneHotOf(labelledRows.map((index) => train.labels[index]!));
      const latents = tf.randomUniform<tf.Rank.R2>([batch, LATENT], -1, 1);
      const dGradients = tf.variableGrads(() => {
        const fake = discriminate(generate(latents, true), dropHalf);
        const real = discriminate(unlabelled, dropHalf);
        const known = discriminate(labelled, dropHalf);
        return dLoss(fake.logits, real.logits, known.logits, oneHot);
      }, dVariables);
      const gGradients = tf.variableGrads(
        () => sigmoidLoss(discriminate(generate(latents, true), dropHalf).logits, 0),
        gVariables,
      );
      // The type leaves out what `variableGrads` gives; the optimiser takes it.
      dOptimizer.applyGradients(dGradients.grads as Parameters<typeof dOptimizer.applyGradients>[0]);
      gOptimizer.applyGradients(gGradients.grads as Parameters<typeof dOptimizer.applyGradients>[0]);
      return dGradients.value;
    });

  /** The variables by the names that the trainer's parameters have. */
  const named = new Map<string, tf.Variable>();
  for (const [network, { kernels, biases, norms }, prefix, firstNorm] of [
    ['discriminator', d, 'conv', 2],
    ['generator', g, 'deconv', 1],
  ] as const) {
    kernels.forEach((variable, i) => named.set(`${network}/${prefix}${i + 1}/kernel`, variable));
    biases.forEach((variable, i) => named.set(`${network}/${prefix}${i + 1}/bias`, variable));
    norms.forEach(({ gamma, beta }, i) => {
      named.set(`${network}/norm${i + firstNorm}/gamma`, gamma);
      named.set(`${network}/norm${i + firstNorm}/beta`, beta);
    });
  }
  named.set('discriminator/logits/kernel', d.dense);
  named.set('discriminator/logits/bias', d.denseBias);

  /** The same computation as a step's, on parameters, images, latents and masks that are given. */
  const inspect = async (arrays: readonly NamedArray[]): Promise<NamedTensors> => {
    plain.choose();
    const byName = new Map(arrays.map((array) => [array.name, array]));
    const read = (name: string): tf.Tensor => {
      const array = byName.get(name);
      if (array === undefined) throw new Error(`The step's inputs have no "${name}".`);
      return tf.tensor(array.values, [...array.shape]);
    };
    const found = new Map<string, tf.Tensor>();
    tf.tidy(() => {
      for (const [name, variable] of named) variable.assign(read(name));
      const dropAs =
        (pass: string): Drop =>
        (x, layer) =>
          tf.mul(x, read(`mask${layer}/${pass}`));
      const latents = read('latents') as tf.Tensor2D;
      const images = { labelled: read('labelled'), unlabelled: read('unlabelled') };
      const oneHot = oneHotOf([...byName.get('labels')!.values]);
      const logits = (pass: string, from: tf.Tensor): tf.Tensor2D =>
        discriminate(from as tf.Tensor4D, dropAs(pass)).logits;
      const dGradients = tf.variableGrads(
        () =>
          dLoss(
            logits('fake', generate(latents, true)),
            logits('unlabelled', images.unlabelled),
            logits('labelled', images.labelled),
            oneHot,
          ),
        dVariables,
      );
      const gGradients = tf.variableGrads(
        () => sigmoidLoss(logits('fake', generate(latents, true)), 0),
        gVariables,
      );
      found.set('discriminatorLoss', tf.keep(dGradients.value));
      found.set('generatorLoss', tf.keep(gGradients.value));
      found.set('fake/logits', tf.keep(logits('fake', generate(latents, true))));
      for (const pass of ['labelled', 'unlabelled'] as const)
        found.set(`${pass}/logits`, tf.keep(logits(pass, images[pass])));
      const gradients = { ...dGradients.grads, ...gGradients.grads };
      for (const [name, variable] of named)
        found.set(gradientName(0, name), tf.keep(gradients[variable.name]!));
    });
    return readTensors(found, plain);
  };

  return {
    name: `tfjs-${backend}`,
    steps: (count) => makeSteps(plain, count, step),
    evaluate: (count) =>
      countCorrect(plain, count, test.labels, (rows) =>
        tf.argMax(discriminate(imagesOf(test.images, rows), null).logits, 1),
      ),
    inspect: async (inputs) => (inputs === null ? new Map() : inspect(inputs)),
    // Of each that is trained, Adam's two moments as well.
    memoryBytes: () => plain.memoryBytes([...trained, ...trained, ...trained, ...running]),
    dispose: () => {
      for (const variable of [...trained, ...running]) variable.dispose();
      dOptimizer.dispose();
      gOptimizer.dispose();
      plain.dispose();
    },
  };
}
