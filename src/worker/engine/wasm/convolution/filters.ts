/** The records of kernels' gradients: sums over windows of all images. */

import type { Arena } from '../memory/arena.js';
import {
  FILTER,
  FILTER_DEPTH,
  FILTER_FILTERS,
  FILTER_LEFT,
  FILTER_OUT,
  FILTER_OUT_RUN_STEP,
  FILTER_RIGHT,
  FILTER_RUNS,
  FILTER_RUN_LENGTH,
  FILTER_RUN_STEP,
  FILTER_TABLE,
} from '../kernels/words.js';
import type { Waves } from '../records.js';
import type { Staged, Windows } from './windows.js';

/** Where the windows and the gradients of an image's positions lie, a pair of distances in bytes for each (see FILTER). */
function storeTerms(
  arena: Arena,
  windows: Staged,
  gradients: Staged,
  images: number,
  height: number,
  width: number,
): number {
  const terms = new Uint32Array(images * height * width * 2);
  let at = 0;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (const { imageStep, rowStep, columnStep } of [windows, gradients]) {
          terms[at++] = image * imageStep + y * rowStep + x * columnStep;
        }
      }
    }
  }
  return arena.storeWords(terms);
}

/** Sums of windows, times so many filters at as many positions, go to `out`, a run every `outRunStep` bytes. */
export interface Sums {
  readonly windows: Windows;
  readonly positions: Staged;
  readonly images: number;
  readonly rowsY: number;
  readonly rowsX: number;
  readonly filters: number;
  readonly out: number;
  readonly outRunStep: number;
}

export function addFilter(sums: Sums, arena: Arena, name: string, waves: Waves, wave: number): void {
  const { windows, positions, images, rowsY, rowsX, filters, out, outRunStep } = sums;
  waves.add(
    wave,
    FILTER,
    name,
    [FILTER_LEFT, windows.address],
    [FILTER_RUNS, windows.runs],
    [FILTER_RUN_LENGTH, windows.runLength],
    [FILTER_RUN_STEP, windows.runStep],
    [FILTER_RIGHT, positions.address],
    [FILTER_TABLE, storeTerms(arena, windows, positions, images, rowsY, rowsX)],
    [FILTER_DEPTH, images * rowsY * rowsX],
    [FILTER_FILTERS, filters],
    [FILTER_OUT, out],
    [FILTER_OUT_RUN_STEP, outRunStep],
  );
}
