/**
 * Transformed images that products leave their kernel's gradient, which multiplies the same ones: of a forward pass its
 * input, of an input gradient what comes back.
 */

import { sideSize, type Geometry, type Side } from '../../../plan/geometry.js';
import type { OpSegment, View } from '../../../plan/operations.js';
import { areConsecutive, countRows, sourceRow } from '../../images.js';
import type { Bindings } from '../../memory/bindings.js';
import { dense, type Staged } from '../windows.js';
import { toomGradientForm } from './toom-form.js';

/** Which of a layer's sides was transformed. */
export type TransformedSide = 'large' | 'small';

interface Kept {
  readonly key: string;
  readonly isOfThisStage: boolean;
  readonly firstRow: number;
  readonly rows: number;
  readonly images: Staged;
}

function keyOf(view: View, geometry: Geometry, side: TransformedSide): string {
  return JSON.stringify([view, geometry, side]);
}

/** What one program keeps. */
export class KeptTransforms {
  readonly #bindings: Bindings;
  /** Stage of the last gradient that reads it. */
  readonly #lastStages = new Map<string, number>();
  #stage = 0;
  #kept: readonly Kept[] = [];

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
    for (const operation of bindings.program.operations) {
      if (operation.kind !== 'filterGradient') continue;
      const { geometry, large, small, stage } = operation;
      if (toomGradientForm(geometry) === null) continue;
      for (const key of [keyOf(large, geometry, 'large'), keyOf(small, geometry, 'small')]) {
        this.#lastStages.set(key, Math.max(stage, this.#lastStages.get(key) ?? 0));
      }
    }
  }

  /** What is kept from now on belongs to this stage, or stays where a later one reads it. */
  beginStage(stage: number): void {
    this.#stage = stage;
    this.#kept = this.#kept.filter(({ isOfThisStage }) => !isOfThisStage);
  }

  /**
   * Memory for the transformed images of these segments, each as large as `transformed`; null where no gradient reads
   * them.
   */
  keep(
    view: View,
    geometry: Geometry,
    side: TransformedSide,
    segments: readonly OpSegment[],
    transformed: Side,
  ): number | null {
    const key = keyOf(view, geometry, side);
    const lastStage = this.#lastStages.get(key);
    if (lastStage === undefined || lastStage < this.#stage || !areConsecutive(segments, view.rows))
      return null;
    const isOfThisStage = lastStage === this.#stage;
    const { workspace, overlay } = this.#bindings;
    const rows = countRows(segments);
    const address = (isOfThisStage ? workspace : overlay).allocate(rows * sideSize(transformed) * 4);
    const firstRow = sourceRow(segments[0]!, view.rows);
    this.#kept = [...this.#kept, { key, isOfThisStage, firstRow, rows, images: dense(transformed, address) }];
    return address;
  }

  /** The transformed images of these segments, in order; null where no product has left them. */
  find(view: View, geometry: Geometry, side: TransformedSide, segments: readonly OpSegment[]): Staged | null {
    const key = keyOf(view, geometry, side);
    const firstRow = sourceRow(segments[0]!, view.rows);
    const end = firstRow + countRows(segments);
    const found = this.#kept.find(
      (kept) => kept.key === key && kept.firstRow <= firstRow && end <= kept.firstRow + kept.rows,
    );
    if (found === undefined || !areConsecutive(segments, view.rows)) return null;
    const { images } = found;
    return { ...images, address: images.address + (firstRow - found.firstRow) * images.imageStep };
  }
}
