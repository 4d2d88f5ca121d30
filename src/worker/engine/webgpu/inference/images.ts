/**
 * Generated images as a finished picture, made where the images lie: tiles them after the generator's
 * program and hands out the bytes. Owns the picture's buffer.
 */

import type { ImageGrid } from '../../../../protocol/reports.js';
import { imageGridLayout } from '../../image-grid.js';
import { IMAGE_GRID, imageGridShader } from '../kernels/image-grid.js';
import { makeDispatch, programMemory, type ReadyProgram, type SharedMemory } from '../program.js';
import type { ReadSource } from '../read.js';

export interface GridRequest {
  /** Gives the images [at least count, height, width, channels]. */
  readonly program: ReadyProgram;
  /** The name that its buffers begin with. */
  readonly prefix: string;
  readonly count: number;
  readonly columns: number;
  /** [height, width, channels]; one channel or three. */
  readonly imageShape: readonly [number, number, number];
}

export interface GridProgram {
  isFor(program: ReadyProgram, count: number, columns: number): boolean;
  /** Encodes the tiling, behind the program that makes the images. */
  encode(pass: GPUComputePassEncoder): void;
  /** Where the picture's bytes lie. */
  readonly source: ReadSource;
  /** The picture of these bytes, which it takes over. */
  toImageGrid(bytes: ArrayBuffer): ImageGrid;
  /** Frees the picture's buffer. */
  dispose(): void;
}

/** Makes the tiling of a program's images ready. Throws where the channels cannot be shown. */
export async function prepareImageGrid(
  device: GPUDevice,
  shared: SharedMemory,
  { program, prefix, count, columns, imageShape }: GridRequest,
): Promise<GridProgram> {
  const { buffers } = shared;
  const layout = imageGridLayout(count, columns, imageShape);
  const bytes = layout.width * layout.height * 4;
  const picture = buffers.make(IMAGE_GRID, bytes);
  const memory = programMemory(program.planned, prefix, shared);
  const images = memory.tensor(program.planned.program.outputs[0]!);
  const shader = imageGridShader({ images, count, columns, imageShape }, memory);
  const { pipeline, bindGroup, workgroups } = await makeDispatch(device, shader, (key) => buffers.get(key));
  return {
    isFor: (other, otherCount, otherColumns) =>
      other === program && otherCount === count && otherColumns === columns,
    encode: (pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
    },
    source: { buffer: picture, offsetBytes: 0, bytes },
    toImageGrid: (filled) => ({ ...layout, rgba: new Uint8ClampedArray(filled) }),
    dispose: () => buffers.free([IMAGE_GRID]),
  };
}
