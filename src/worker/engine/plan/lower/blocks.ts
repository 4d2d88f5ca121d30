/**
 * Where a network is cut for fusion: each linear primitive begins a block and takes along the
 * pointwise ones after it. Without a batch norm the block stores its output; with one it stores the
 * raw sums, and what follows the norm is applied by whoever reads them.
 */

import type { Primitive } from './graph.js';

export type LinearPrimitive = Extract<Primitive, { kind: 'linear' }>;
export type NormPrimitive = Extract<Primitive, { kind: 'norm' }>;
/** A primitive that acts on each element alone. */
export type PointwisePrimitive = Extract<Primitive, { kind: 'bias' | 'activation' | 'mask' }>;

export interface Block {
  readonly linear: LinearPrimitive;
  /** Applied before the block's tensor is stored. */
  readonly stored: readonly PointwisePrimitive[];
  readonly norm: NormPrimitive | null;
  /** Applied after the norm, when the tensor is read. */
  readonly read: readonly PointwisePrimitive[];
  /** Layers whose output is the block's output. */
  readonly outputLayers: readonly string[];
}

function unsupported(layer: string, why: string): Error {
  return new Error(`The plan has no operation for layer "${layer}": ${why}.`);
}

/** Cuts a chain of primitives into blocks. Throws where a primitive finds no place in one. */
export function cutIntoBlocks(primitives: readonly Primitive[]): readonly Block[] {
  const blocks: { linear: LinearPrimitive; tail: Primitive[] }[] = [];
  for (const primitive of primitives) {
    if (primitive.kind === 'linear') blocks.push({ linear: primitive, tail: [] });
    else if (blocks.length > 0) blocks.at(-1)!.tail.push(primitive);
    else if (primitive.kind !== 'view')
      throw unsupported(primitive.layer, 'it stands before the first linear layer');
  }
  return blocks.map(({ linear, tail }) => toBlock(linear, tail));
}

function toBlock(linear: LinearPrimitive, tail: readonly Primitive[]): Block {
  const stored: PointwisePrimitive[] = [];
  const read: PointwisePrimitive[] = [];
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
      if (stored.some(({ kind }) => kind !== 'bias')) {
        throw unsupported(primitive.layer, 'only a bias may stand between a linear layer and its norm');
      }
      norm = primitive;
    } else if (primitive.kind === 'linear') {
      throw unsupported(primitive.layer, 'it begins a block of its own');
    } else {
      (norm === null ? stored : read).push(primitive);
    }
  }
  for (const chain of [stored, read]) {
    const activations = chain.filter(({ kind }) => kind === 'activation');
    if (activations.length > 1)
      throw unsupported(activations[1]!.layer, 'it is the second activation in a row');
    // tanh' is taken from tanh's output, which a mask after it would have changed.
    const tanh = chain.findIndex(
      (primitive) => primitive.kind === 'activation' && primitive.activation.name === 'tanh',
    );
    if (tanh !== -1 && tanh !== chain.length - 1)
      throw unsupported(chain[tanh + 1]!.layer, 'it follows tanh');
  }
  return { linear, stored, norm, read, outputLayers };
}
