/** The picture that the webgpu engine makes on the GPU is the host's, byte for byte. */

import { expect } from '@open-wc/testing';
import type { EngineInput } from '../../src/worker/engine/engine.js';
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
import { generateImageGrid, toImageGrid } from '../../src/worker/engine/image-grid.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { hashed, tinyInput } from './support/tiny.js';
import { describeWebGpu, runDispatch, withWebGpu } from './support/webgpu.js';

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

  /** The tiny run with images of `channels` channels. */
  function inputOf(channels: 1 | 3): EngineInput {
    const input = tinyInput('notebook');
    if (channels === 1) return input;
    const { dataset, settings } = input;
    const repeated = (images: Uint8Array): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(
        { length: images.length * channels },
        (_, i) => images[Math.floor(i / channels)]! ^ (i % channels),
      );
    const coloured: Dataset = {
      ...dataset,
      imageShape: [28, 28, channels],
      train: { ...dataset.train, images: repeated(dataset.train.images) },
      test: { ...dataset.test, images: repeated(dataset.test.images) },
    };
    return { ...input, dataset: coloured, recipe: buildRecipe(settings, coloured, { channelDivisor: 8 }) };
  }

  for (const channels of [1, 3] as const) {
    it(`are what the same engine generates, in ${channels} channels, whole rows or not`, async () => {
      const input = inputOf(channels);
      const { imageShape } = input.dataset;
      await withWebGpu(input, async (engine) => {
        for (const [step, count, columns] of [
          [0, 9, 4],
          [2, 8, 4],
          [2, 3, 8],
        ] as const) {
          await engine.advance(step);
          const latents = Float32Array.from({ length: count * 100 }, (_, i) => hashed(i, count));
          const grid = await generateImageGrid(engine, latents, count, columns, imageShape);
          const expected = toImageGrid(await engine.generate(latents, count), count, columns, imageShape);
          const { rgba, ...layout } = grid;
          const { rgba: expectedBytes, ...expectedLayout } = expected;
          expect(layout).to.deep.equal(expectedLayout);
          expect([...rgba]).to.deep.equal([...expectedBytes]);
          // Owned by whoever asked: the next picture leaves it alone, and it can be transferred.
          expect(rgba.byteLength).to.equal(rgba.buffer.byteLength);
        }
      });
    });
  }
});
