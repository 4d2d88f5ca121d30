/** The picture that the webgpu engine makes on the GPU is the host's, byte for byte. */

import { expect } from '@open-wc/testing';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { BufferPool } from '../../src/worker/engine/webgpu/buffers.js';
import {
  IMAGE_GRID,
  imageGridShader,
  leastValues,
} from '../../src/worker/engine/webgpu/kernels/image-grid.js';
import type { Memory } from '../../src/worker/engine/webgpu/kernels/shader.js';
import { makeDispatch } from '../../src/worker/engine/webgpu/program.js';
import { readBuffers } from '../../src/worker/engine/webgpu/read.js';
import { toImageGrid } from '../../src/worker/engine/image-grid.js';
import { checkPictures } from './support/picture-checks.js';
import { hashed } from './support/tiny.js';
import { describeWebGpu, runDispatch } from './support/webgpu.js';

type ImageShape = Dataset['imageShape'];

/** Runs the kernel alone on `images`. */
async function tileOnGpu(
  images: Float32Array<ArrayBuffer>,
  count: number,
  columns: number,
  imageShape: ImageShape,
): Promise<Uint8ClampedArray> {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
  device.pushErrorScope('validation');
  const buffers = new BufferPool(device);
  try {
    buffers.fill('images', images);
    const bytes = Math.ceil(count / columns) * columns * imageShape[0] * imageShape[1] * 4;
    buffers.make(IMAGE_GRID, bytes);
    const refuse = (): never => {
      throw new Error('The kernel asks for nothing but its images.');
    };
    const memory: Memory = {
      tensor: refuse,
      parameter: refuse,
      table: refuse,
      get control(): never {
        return refuse();
      },
      sizeOf: (buffer) => buffers.get(buffer).size / 4,
    };
    const shader = imageGridShader(
      { images: { buffer: 'images', offset: 0 }, count, columns, imageShape },
      memory,
    );
    runDispatch(device, await makeDispatch(device, shader, (key) => buffers.get(key)));
    const [picture] = await readBuffers(device, [{ buffer: buffers.get(IMAGE_GRID), offsetBytes: 0, bytes }]);
    const error = await device.popErrorScope();
    if (error !== null) throw new Error(`The GPU refused something: ${error.message}`);
    return new Uint8ClampedArray(picture!.buffer);
  } finally {
    buffers.dispose();
    device.destroy();
  }
}

/** The next smaller float32. */
function below(value: number): number {
  const float = Float32Array.of(value);
  const word = new Uint32Array(float.buffer);
  word[0] = value > 0 ? word[0]! - 1 : word[0]! + 1;
  return float[0]!;
}

describeWebGpu('images tiled on the GPU', () => {
  for (const channels of [1, 3] as const) {
    it(`have the host's bytes at every threshold and beyond [-1, 1], in ${channels} channels`, async () => {
      const values = leastValues().flatMap((least) => [least, below(least)]);
      values.push(-0, 0, 1e-30, -1e-30, 7, -7, Infinity, -Infinity, NaN, -1, 1);
      const imageShape = [5, 7, channels] as const;
      const size = 35 * channels;
      // One cell of the last row is left over.
      const columns = channels === 1 ? 4 : 3;
      const count = Math.ceil(values.length / size / columns) * columns - 1;
      expect(count * size).to.be.at.least(values.length - size);
      const images = Float32Array.from({ length: count * size }, (_, i) => values[i] ?? hashed(i, 11));
      const expected = toImageGrid(images, count, columns, imageShape);
      expect([...(await tileOnGpu(images, count, columns, imageShape))]).to.deep.equal([...expected.rgba]);
    });
  }

  // test/long: in 1 channel.
  it('are what the same engine generates, in 3 channels, whole rows or not', () => checkPictures(3));
});
