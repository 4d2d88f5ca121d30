/**
 * Fusion groups: which primitives of a network become one product. Each linear primitive begins a group and
 * takes along the pointwise ones after it, up to the next linear primitive. Without a batch norm they are the
 * product's epilogue. With one, the product stores its raw outputs, from which the norm takes its statistics;
 * what follows the norm is then the epilogue of the norm's operation or the prologue of those that read the
 * raw outputs, as `TrainOptions` says, and in inference the product's epilogue after all. A group norm, whose
 * statistics are of each row, always applies what follows it in its own operation.
 */

import type { Primitive } from './graph.js';

type LinearPrimitive = Extract<Primitive, { kind: 'linear' }>;
type NormPrimitive = Extract<Primitive, { kind: 'norm' }>;
type NoisePrimitive = Extract<Primitive, { kind: 'noise' }>;
type TailPrimitive = Exclude<Primitive, LinearPrimitive | NoisePrimitive>;
/** A primitive that acts on each element alone. */
export type PointwisePrimitive = Extract<Primitive, { kind: 'bias' | 'activation' | 'mask' }>;

export interface FusionGroup {
  /** Added to the group's input; of a network's first group only. */
  readonly noise: NoisePrimitive | null;
  readonly linear: LinearPrimitive;
  /** Of the product: all of them without a norm, else at most a bias. */
  readonly epilogue: readonly PointwisePrimitive[];
  readonly norm: NormPrimitive | null;
  /** What follows the norm. */
  readonly afterNorm: readonly PointwisePrimitive[];
  /** Layers whose output is the group's output. */
  readonly outputLayers: readonly string[];
}

/** Cuts the primitives of a network, which `recipe/check-recipe.ts` has found in an order that fuses, into fusion groups. */
export function cutIntoFusionGroups(primitives: readonly Primitive[]): readonly FusionGroup[] {
  const fusions: { noise: NoisePrimitive | null; linear: LinearPrimitive; tail: TailPrimitive[] }[] = [];
  let noise: NoisePrimitive | null = null;
  for (const primitive of primitives) {
    // Only views and noise stand before the first linear primitive.
    if (primitive.kind === 'noise') noise = primitive;
    else if (primitive.kind === 'linear') {
      fusions.push({ noise, linear: primitive, tail: [] });
      noise = null;
    } else fusions.at(-1)?.tail.push(primitive);
  }
  return fusions.map(({ noise: own, linear, tail }) => toFusionGroup(own, linear, tail));
}

function toFusionGroup(
  noise: NoisePrimitive | null,
  linear: LinearPrimitive,
  tail: readonly TailPrimitive[],
): FusionGroup {
  const epilogue: PointwisePrimitive[] = [];
  const afterNorm: PointwisePrimitive[] = [];
  let norm: NormPrimitive | null = null;
  let outputLayers = [linear.layer];
  for (const primitive of tail) {
    if (primitive.kind === 'view') {
      outputLayers.push(primitive.layer);
      continue;
    }
    outputLayers = primitive.kind === 'bias' ? outputLayers : [primitive.layer];
    if (primitive.kind === 'norm') norm = primitive;
    else (norm === null ? epilogue : afterNorm).push(primitive);
  }
  return { noise, linear, epilogue, norm, afterNorm, outputLayers };
}
