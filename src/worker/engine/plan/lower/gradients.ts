/**
 * The backward rules of pointwise primitives: a snippet each, which turns the gradient at their output into
 * the one at their input. Norms and linear primitives have operations of their own (`lower-backward.ts`).
 */

import type { FusionGroup, PointwisePrimitive } from './fusion-groups.js';
import { maskSnippet, type LoweredFusion, type MaskBits } from './lower-forward.js';
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
  { statistics, view }: LoweredFusion,
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
      // Where the group's output is stored, that serves: a mask after it only matters where it drops.
      const prologue: Snippet[] = [];
      if (statistics !== null && view.prologue.length > 0) {
        prologue.push({ kind: 'affine', statistics });
        if (activation.name === 'tanh') prologue.push({ kind: 'activation', activation });
      }
      return [{ kind: 'activationGradient', activation, at: view.tensor, prologue }];
    }
    default:
      return primitive satisfies never;
  }
}

/**
 * From the gradient at a fusion group's output to the one that is stored: at its norm's output, or, without
 * a norm, at its linear layer's output.
 */
export function throughPointwise(lowered: LoweredFusion, context: GradientContext): readonly Snippet[] {
  const { norm, epilogue, afterNorm }: FusionGroup = lowered.fusion;
  const applied = norm === null ? epilogue : afterNorm;
  return [...applied].reverse().flatMap((primitive) => pointwiseRule(primitive, lowered, context));
}
