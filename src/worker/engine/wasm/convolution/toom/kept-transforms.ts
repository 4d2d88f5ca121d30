/**
 * Transformed images that products leave their kernel's gradient, which multiplies the same ones: of a forward pass its
 * input, of an input gradient what comes back.
 */

import { sideSize, type Geometry, type Side } from '../../../plan/geometry.js';
import type { OpSegment, Operation, View } from '../../../plan/operations.js';
import { areConsecutive, countRows } from '../../images.js';
import type { Bindings } from '../../memory/bindings.js';
import { KeptImages, type Staged } from '../kept-images.js';
import { dense } from '../windows.js';
import { toomGradientForm } from './toom-form.js';

/** Of more images to be kept to the backward pass the memory would cost more than transforming them once more. */
const MOST_BYTES = 64 * 2 ** 20;

/** Which of a layer's sides was transformed. */
export type TransformedSide = 'large' | 'small';

function keyOf(view: View, geometry: Geometry, side: TransformedSide): string {
  return JSON.stringify([view, geometry, side]);
}

/** What a Toom-Cook gradient multiplies. */
function keysOf(operation: Operation): readonly string[] {
  if (operation.kind !== 'filterGradient' || toomGradientForm(operation.geometry) === null) return [];
  const { geometry, large, small } = operation;
  return [keyOf(large, geometry, 'large'), keyOf(small, geometry, 'small')];
}

export class KeptTransforms {
  readonly #kept: KeptImages;

  constructor(bindings: Bindings) {
    this.#kept = new KeptImages(bindings, keysOf);
  }

  beginStage(stage: number): void {
    this.#kept.beginStage(stage);
  }

  /** Where the transformed images of these segments, each as large as `transformed`, are to be kept; null where they are not. */
  keep(
    view: View,
    geometry: Geometry,
    side: TransformedSide,
    segments: readonly OpSegment[],
    transformed: Side,
  ): number | null {
    const key = keyOf(view, geometry, side);
    const imageBytes = sideSize(transformed) * 4;
    if (!this.#kept.isRead(key) || !areConsecutive(segments, view.rows)) return null;
    if (countRows(segments) * imageBytes > MOST_BYTES) return null;
    const place = (address: number): Staged => dense(transformed, address);
    return this.#kept.keep(key, segments, view.rows, imageBytes, place).address;
  }

  /** The transformed images of these segments, in order; null where no product has left them. */
  find(view: View, geometry: Geometry, side: TransformedSide, segments: readonly OpSegment[]): Staged | null {
    return this.#kept.find(keyOf(view, geometry, side), segments, view.rows);
  }
}
