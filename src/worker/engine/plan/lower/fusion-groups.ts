/**
 * Fusion groups: which primitives of a network become one product. Each linear primitive begins a group and
 * takes along the pointwise ones after it, up to the next linear primitive. Without a batch norm they are the
 * product's epilogue. With one, the product stores its raw outputs, from which the norm takes its statistics;
 * what follows the norm is then the epilogue of the norm's operation or the prologue of those that read the
 * raw outputs, as `TrainOptions` says, and in inference the product's epilogue after all.
 */

import type { Primitive } from './graph.js';

export type LinearPrimitive = Extract<Primitive, { kind: 'linear' }>;
export type NormPrimitive = Extract<Primitive, { kind: 'norm' }>;
/** A primitive that acts on each element alone. */
export type PointwisePrimitive = Extract<Primitive, { kind: 'bias' | 'activation' | 'mask' }>;

export interface FusionGroup {
  readonly linear: LinearPrimitive;
  /** Of the product: all of them without a norm, else at most a bias. */
  readonly epilogue: readonly PointwisePrimitive[];
  readonly norm: NormPrimitive | null;
  /** What follows the norm. */
  readonly afterNorm: readonly PointwisePrimitive[];
  /** Layers whose output is the group's output. */
  readonly outputLayers: readonly string[];
}

function unsupported(layer: string, why: string): Error {
  return new Error(`The plan has no operation for layer "${layer}": ${why}.`);
}

/**
 * Cuts the primitives of a network into fusion groups. Throws where one finds no place in a group; recipes with
 * such a network have been refused before (`recipe/check-recipe.ts`).
 */
export function cutIntoFusionGroups(primitives: readonly Primitive[]): readonly FusionGroup[] {
  const fusions: { linear: LinearPrimitive; tail: Primitive[] }[] = [];
  for (const primitive of primitives) {
    if (primitive.kind === 'linear') fusions.push({ linear: primitive, tail: [] });
    else if (fusions.length > 0) fusions.at(-1)!.tail.push(primitive);
    else if (primitive.kind !== 'view')
      throw unsupported(primitive.layer, 'it stands before the first linear layer');
  }
  return fusions.map(({ linear, tail }) => toFusionGroup(linear, tail));
}

function toFusionGroup(linear: LinearPrimitive, tail: readonly Primitive[]): FusionGroup {
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
    if (primitive.kind === 'norm') {
      if (norm !== null) throw unsupported(primitive.layer, 'it is the second norm after one linear layer');
      if (epilogue.some(({ kind }) => kind !== 'bias')) {
        throw unsupported(primitive.layer, 'only a bias may stand between a linear layer and its norm');
      }
      norm = primitive;
    } else if (primitive.kind === 'linear') {
      throw unsupported(primitive.layer, 'it begins a fusion group of its own');
    } else {
      (norm === null ? epilogue : afterNorm).push(primitive);
    }
  }
  for (const pointwise of [epilogue, afterNorm]) {
    const activations = pointwise.filter(({ kind }) => kind === 'activation');
    if (activations.length > 1)
      throw unsupported(activations[1]!.layer, 'it is the second activation in a row');
    // tanh' is taken from tanh's output, which a mask after it would have changed.
    const tanh = pointwise.findIndex(
      (primitive) => primitive.kind === 'activation' && primitive.activation.name === 'tanh',
    );
    if (tanh !== -1 && tanh !== pointwise.length - 1)
      throw unsupported(pointwise[tanh + 1]!.layer, 'it follows tanh');
  }
  return { linear, epilogue, norm, afterNorm, outputLayers };
}
