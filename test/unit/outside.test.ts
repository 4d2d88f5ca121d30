/** What goes on beyond the edges of images: told by the data, and heeded by the recipes' views. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outsideOf } from '../../src/worker/data/outside.js';
import { loadDataset } from '../../src/worker/data/load.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import { defaultSettings } from '../../src/protocol/settings.js';
import { fetchOf, tinyDataset, tinyFiles } from './support/data.js';

type Shape = Dataset['imageShape'];

/** Images whose border pixels are `border(image, channel)` and whose others are 200. */
function framed(shape: Shape, count: number, border: (image: number, channel: number) => number) {
  const [height, width, channels] = shape;
  const images = new Uint8Array(count * height * width * channels).fill(200);
  for (let image = 0; image < count; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (y > 0 && y < height - 1 && x > 0 && x < width - 1) continue;
        for (let channel = 0; channel < channels; channel++) {
          images[((image * height + y) * width + x) * channels + channel] = border(image, channel);
        }
      }
    }
  }
  return { count, images };
}

test('drawings on a dark ground have background outside, and photographs their edge', () => {
  for (const shape of [
    [28, 28, 1],
    [12, 20, 3],
  ] satisfies Shape[]) {
    assert.equal(
      outsideOf(
        shape,
        framed(shape, 30, () => 0),
      ),
      'background',
    );
    assert.equal(
      outsideOf(
        shape,
        framed(shape, 30, () => 120),
      ),
      'edge',
    );
    // A drawing on white has no more of its paper in what is byte 0.
    assert.equal(
      outsideOf(
        shape,
        framed(shape, 30, () => 255),
      ),
      'edge',
    );
    // Strokes that reach the edge of a few, and the noise of a lossy compression, make no photograph of a drawing.
    assert.equal(
      outsideOf(
        shape,
        framed(shape, 30, (image) => (image % 3 === 0 ? 250 : 5)),
      ),
      'background',
    );
  }
  // One dark channel of three is a colour.
  assert.equal(
    outsideOf(
      [12, 20, 3],
      framed([12, 20, 3], 30, (_, channel) => (channel === 0 ? 0 : 99)),
    ),
    'edge',
  );
});

test('images are looked at all over a large set', () => {
  const half = framed([8, 8, 1], 4000, (image) => (image < 1900 ? 0 : 90));
  assert.equal(outsideOf([8, 8, 1], half), 'edge');
  assert.equal(
    outsideOf(
      [8, 8, 1],
      framed([8, 8, 1], 4000, (image) => (image < 2100 ? 0 : 90)),
    ),
    'background',
  );
});

/** What the views of a recipe on this data take for outside, by step of drawing. */
async function outsidesOf(dataset: Dataset): Promise<Set<string>> {
  const loaded = await loadDataset({
    dataUrl: 'https://example.test/data/',
    signal: new AbortController().signal,
    onProgress: () => undefined,
    fetch: fetchOf(tinyFiles(dataset)),
  });
  const { stages } = buildRecipe(defaultSettings('few-labels'), loaded);
  const groups = stages.flatMap(({ phases }) => phases.flatMap((phase) => phase.groups));
  return new Set(groups.flatMap(({ view }) => (view?.kind === 'warp' ? [view.outside] : [])));
}

test('the views of a recipe go by the data that was loaded', async () => {
  const photographs = tinyDataset();
  assert.deepEqual(await outsidesOf(photographs), new Set(['edge']));
  const { count, labels } = photographs.train;
  const train = { ...framed([28, 28, 1], count, () => 0), labels };
  assert.deepEqual(await outsidesOf({ ...photographs, train }), new Set(['background']));
});
