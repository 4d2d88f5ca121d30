/**
 * The backward rules, one a primitive. Pointwise primitives give a snippet that turns the gradient at
 * their output into the one at their input; a norm gives statistics of the gradient and a snippet; a
 * linear primitive gives the product the other way round, and sums for its parameters.
 */

import type { Block, PointwisePrimitive } from './blocks.js';
import { maskSnippet, type LoweredBlock, type MaskBits } from './lower-forward.js';
import type { Direction } from '../geometry.js';
import type { Snippet } from '../operations.js';

/** The direction of a linear layer's input gradient. */
export function reverse(direction: Direction): Direction {
  return direction === 'toSmall' ? 'toLarge' : 'toSmall';
}

/** What the backward rules of a network's pointwise primitives refer to. */
export interface GradientContext {
  readonly masks: ReadonlyMap<string, MaskBits>;
}

function pointwiseRule(
  primitive: PointwisePrimitive,
  { statistics, view }: LoweredBlock,
  { masks }: GradientContext,
): readonly Snippet[] {
  switch (primitive.kind) {
    case 'bias':
      return [];
    case 'mask': {
      const snippet = maskSnippet(masks, primitive);
      return snippet === null ? [] : [snippet];
    }
    case 'activation': {
      const { activation } = primitive;
      // Where the block's output is stored, that serves: a mask after it only matters where it drops.
      const chain: Snippet[] = [];
      if (statistics !== null && view.chain.length > 0) {
        chain.push({ kind: 'affine', statistics });
        if (activation.name === 'tanh') chain.push({ kind: 'activation', activation });
      }
      return [{ kind: 'activationGradient', activation, at: view.tensor, chain }];
    }
    default:
      return primitive satisfies never;
  }
}

/**
 * From the gradient at a block's output to the one that is stored: at its norm's output, or, without
 * a norm, at its linear layer's sums.
 */
export function throughPointwise(lowered: LoweredBlock, context: GradientContext): readonly Snippet[] {
  const { norm, stored, read }: Block = lowered.block;
  const applied = norm === null ? stored : read;
  return [...applied].reverse().flatMap((primitive) => pointwiseRule(primitive, lowered, context));
}
