/** A picture that the webgpu engine tiles on the GPU beside what it generates. */

import { expect } from '@open-wc/testing';
import { buildRecipe } from '../../../src/recipe/build-recipe.js';
import type { Dataset } from '../../../src/worker/data/dataset.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { generateImageGrid, toImageGrid } from '../../../src/worker/engine/image-grid.js';
import { hashed, tinyInput } from './tiny.js';
import { withWebGpu } from './webgpu-engine.js';

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

/** Pictures of several counts and columns are what the same engine generates. */
export async function checkPictures(channels: 1 | 3): Promise<void> {
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
}
