/** The records of kernels' gradients: windows times gradients, summed over all images. */

import type { Arena } from '../memory/arena.js';
import type { StageRecords } from '../stage-records.js';
import type { Staged } from './kept-images.js';
import type { Windows } from './windows.js';

/** Where the windows and the gradients of an image's positions lie, a pair of distances in bytes for each. */
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

/** Windows times the gradients of as many positions, summed over all images, go to `out`, a run every `outRunStep` bytes. */
interface KernelGradient {
  readonly windows: Windows;
  readonly positions: Staged;
  readonly images: number;
  readonly rowsY: number;
  readonly rowsX: number;
  readonly filters: number;
  readonly out: number;
  readonly outRunStep: number;
}

export function addKernelGradient(
  { windows, positions, images, rowsY, rowsX, filters, out, outRunStep }: KernelGradient,
  arena: Arena,
  name: string,
  records: StageRecords,
  group: number,
): void {
  records.add(group, 'kernelGradient', name, {
    windows: windows.address,
    runs: windows.runs,
    runLength: windows.runLength,
    runStep: windows.runStep,
    gradients: positions.address,
    terms: storeTerms(arena, windows, positions, images, rowsY, rowsX),
    depth: images * rowsY * rowsX,
    filters,
    out,
    outRunStep,
  });
}
