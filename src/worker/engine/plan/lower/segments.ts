/** The rows of a stack's passes, as operations list them. */

import type { BackwardSegment, Stack } from './graph.js';
import type { OpSegment } from '../operations.js';

/**
 * Every pass of the forward pass; the target has the forward pass's rows. Passes of inference share the
 * running statistics, and so one segment of them.
 */
export function forwardSegments(stack: Stack): readonly OpSegment[] {
  return stack.forward.map(({ pass, rows, firstRow }, index) => ({
    rows,
    forwardRow: firstRow,
    passRow: 0,
    forwardSegment: stack.mode === 'training' ? index : 0,
    gradientRow: 0,
    gradientSegment: 0,
    targetRow: firstRow,
    instance: pass.instance,
  }));
}

export interface GradientSegment extends OpSegment {
  readonly source: BackwardSegment;
}

/** Every segment of the backward pass; the target has the backward pass's rows. */
export function gradientSegments(stack: Stack): readonly GradientSegment[] {
  return stack.backward.map((source, index) => {
    const { pass, firstRow: forwardRow } = stack.forward[source.forward]!;
    return {
      rows: source.rows,
      forwardRow,
      passRow: 0,
      forwardSegment: source.forward,
      gradientRow: source.firstRow,
      gradientSegment: index,
      targetRow: source.firstRow,
      instance: pass.instance,
      source,
    };
  });
}

export function withoutSource({ source: _, ...segment }: GradientSegment): OpSegment {
  return segment;
}

/** Rows of all segments together. */
export function totalRows(segments: readonly { readonly rows: number }[]): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0);
}
