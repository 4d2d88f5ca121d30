/**
 * The notebook's step in jax-js: losses of both networks, gradients, both Adams, dropout and random
 * numbers in one function, which is compiled as a whole. Owns the state that goes round.
 */

import { jit, nn, numpy as np, random, tree, valueAndGrad, vjp } from '@jax-js/jax';
import {
  CLASSES,
  LATENT,
  discriminate,
  generate,
  shapesOf,
  sizeOf,
  type Masks,
  type NetworkName,
  type Parameters,
  type Statistics,
} from './networks.js';

const MOMENTUM = 0.99;
const [LR, BETA1, BETA2, EPSILON] = [1e-3, 0.9, 0.999, 1e-8];

/** A batch: images [batch, 1, 28, 28] in [-1, 1], labels one-hot [batch, 11]. */
export type Batch = { readonly labelled: np.Array; readonly unlabelled: np.Array; readonly labels: np.Array };

/** A network's parameters, one after another, and Adam's moments of them. */
type Flat = { readonly values: np.Array; readonly m: np.Array; readonly v: np.Array };
export type State = {
  readonly discriminator: Flat;
  readonly generator: Flat;
  readonly running: Statistics;
  readonly key: np.Array;
  /** Powers of Adam's two decay rates. */
  readonly powers: np.Array;
};

export type Losses = { readonly discriminatorLoss: np.Array; readonly generatorLoss: np.Array };
export type StepMasks = { readonly labelled: Masks; readonly unlabelled: Masks; readonly fake: Masks };

/** The parameters of a flat vector, which is taken over. */
export function unflatten(name: NetworkName, values: np.Array): Parameters {
  let first = 0;
  const parameters = Object.fromEntries(
    shapesOf(name).map(([key, shape]) => {
      const end = first + sizeOf(shape);
      const part = values.ref.slice([first, end]).reshape([...shape]);
      first = end;
      return [key, part];
    }),
  );
  values.dispose();
  return parameters;
}

/** The reverse, in the same order. */
export function flatten(name: NetworkName, parameters: Parameters): np.Array {
  return np.concatenate(shapesOf(name).map(([key]) => parameters[key]!.flatten()));
}

/** Mean cross-entropy of sigmoid(logits) with a target of 0 or 1: softplus(logits) - target * logits. */
function sigmoidLoss(logits: np.Array, target: 0 | 1): np.Array {
  return nn.softplus(target === 1 ? logits.neg() : logits).mean();
}

const fakeLogits = (logits: np.Array): np.Array => logits.slice([], CLASSES - 1);

/** Loss of D on real images, and the batch statistics of both passes. */
function realLoss(
  p: Parameters,
  { labelled, unlabelled, labels }: Batch,
  masks: StepMasks,
): [np.Array, Statistics[]] {
  const [known, knownStatistics] = discriminate(tree.ref(p), labelled, masks.labelled);
  const [real, realStatistics] = discriminate(p, unlabelled, masks.unlabelled);
  const supervised = nn.logSoftmax(known).mul(labels).sum(-1).mean().neg();
  return [supervised.add(sigmoidLoss(fakeLogits(real), 0)), [knownStatistics, realStatistics]];
}

/** Losses of both networks and flat gradients, from one pass of G and one of D over its images. Takes all over. */
export function gradients(
  values: { readonly discriminator: np.Array; readonly generator: np.Array },
  batch: Batch,
  latents: np.Array,
  masks: StepMasks,
): {
  readonly losses: Losses;
  readonly d: np.Array;
  readonly g: np.Array;
  readonly statistics: Statistics[];
} {
  const p = unflatten('discriminator', values.discriminator);
  const [images, backThroughG, gStatistics] = vjp(
    (parameters: Parameters) => generate(parameters, latents),
    [unflatten('generator', values.generator)],
    { hasAux: true },
  );
  tree.dispose(gStatistics);
  const [logits, backThroughD, fakeStatistics] = vjp(
    (parameters: Parameters, fakes: np.Array) => discriminate(parameters, fakes, masks.fake),
    [tree.ref(p), images],
    { hasAux: true },
  );
  const lossOf = (target: 0 | 1) => valueAndGrad((all: np.Array) => sigmoidLoss(fakeLogits(all), target));
  const [fakeLoss, forD] = lossOf(1)(logits.ref);
  const [generatorLoss, forG] = lossOf(0)(logits);
  const [fakeGradient, unusedImages] = backThroughD(forD);
  const [unusedParameters, imageGradient] = backThroughD(forG);
  tree.dispose([unusedImages, unusedParameters]);
  const [gGradient] = backThroughG(imageGradient);
  backThroughD.dispose();
  backThroughG.dispose();
  const [[loss, realStatistics], realGradient] = valueAndGrad(
    (parameters: Parameters) => realLoss(parameters, batch, masks),
    { hasAux: true },
  )(p);
  return {
    losses: { discriminatorLoss: loss.add(fakeLoss), generatorLoss },
    d: flatten('discriminator', fakeGradient).add(flatten('discriminator', realGradient)),
    g: flatten('generator', gGradient),
    statistics: [...realStatistics, fakeStatistics],
  };
}

/** Adam on a flat vector; `powers` are those of both decay rates, this step's included. */
function adam({ values, m, v }: Flat, gradient: np.Array, powers: np.Array): Flat {
  const nextM = m.mul(BETA1).add(gradient.ref.mul(1 - BETA1));
  const nextV = v.mul(BETA2).add(np.square(gradient).mul(1 - BETA2));
  const unbiasedM = nextM.ref.div(np.subtract(1, powers.ref.slice(0)));
  const unbiasedV = nextV.ref.div(np.subtract(1, powers.slice(1)));
  const update = unbiasedM.mul(LR).div(np.sqrt(unbiasedV).add(EPSILON));
  return { values: values.sub(update), m: nextM, v: nextV };
}

/** Moving averages after the passes, in their order. */
function average(running: Statistics, passes: readonly Statistics[]): Statistics {
  const move = (old: np.Array, seen: np.Array): np.Array => old.mul(MOMENTUM).add(seen.mul(1 - MOMENTUM));
  return passes.reduce(
    (averages, seen) => tree.map<np.Array, np.Array, Statistics>(move, averages, seen),
    running,
  );
}

function drawMasks(key: np.Array, rows: number): Masks {
  const [first, third] = random.split(key, 2) as unknown as [np.Array, np.Array];
  const mask = (part: np.Array, shape: number[]): np.Array =>
    random.bernoulli(part, 0.5, shape).astype(np.float32).mul(2);
  return { mask1: mask(first, [rows, 32, 14, 14]), mask3: mask(third, [rows, 128, 4, 4]) };
}

/** The step with `batch` generated images. What goes in is taken over; out come the losses and the next state. */
export const compileStep = (batch: number) =>
  jit((state: State, images: Batch): [Losses, State] => {
    const [next, forLatents, ...forMasks] = random.split(state.key, 5) as unknown as np.Array[];
    const masks = {
      labelled: drawMasks(forMasks[0]!, images.labelled.shape[0]!),
      unlabelled: drawMasks(forMasks[1]!, images.unlabelled.shape[0]!),
      fake: drawMasks(forMasks[2]!, batch),
    };
    const latents = random.uniform(forLatents!, [batch, LATENT], { minval: -1, maxval: 1 });
    const values = { discriminator: state.discriminator.values.ref, generator: state.generator.values.ref };
    const { losses, d, g, statistics } = gradients(values, images, latents, masks);
    const powers = state.powers.mul(np.array([BETA1, BETA2]));
    return [
      losses,
      {
        discriminator: adam(state.discriminator, d, powers.ref),
        generator: adam(state.generator, g, powers.ref),
        running: average(state.running, statistics),
        key: next!,
        powers,
      },
    ];
  });
