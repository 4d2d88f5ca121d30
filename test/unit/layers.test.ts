/** Shapes of layers, as Keras has them. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  convolvedSize,
  layerShapes,
  outputShape,
  transposedSize,
  type LayerDescription,
} from '../../src/recipe/layers.js';
import {
  notebookDiscriminator,
  notebookGenerator,
  type NotebookNetworkOptions,
} from '../../src/recipe/networks/notebook.js';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';

const OPTIONS: NotebookNetworkOptions = {
  data: { imageShape: [28, 28, 1], classes: 10 },
  biasBeforeNorm: 'zero',
  dropout: 0.5,
  channels: (count) => count,
};

const shapesOf = (network: Parameters<typeof layerShapes>[0]): Record<string, string> =>
  Object.fromEntries(layerShapes(network).map(({ layer, output }) => [layer.name, output.join('x')]));

describe('the size of a convolution', () => {
  it('counts the outputs whose window starts in a padded image, or fits in an unpadded one', () => {
    for (let size = 1; size < 20; size++) {
      for (let kernel = 1; kernel <= size; kernel++) {
        for (const stride of [1, 2, 3]) {
          let starts = 0;
          let fitting = 0;
          for (let at = 0; at < size; at += stride) {
            starts++;
            if (at + kernel <= size) fitting++;
          }
          assert.equal(convolvedSize(size, kernel, stride, 'same'), starts);
          assert.equal(convolvedSize(size, kernel, stride, 'valid'), fitting);
        }
      }
    }
  });

  it('is undone by the transposed convolution, whose output it could have been made from', () => {
    for (let size = 1; size < 20; size++) {
      for (const [kernel, stride] of [
        [2, 1],
        [3, 2],
        [4, 2],
        [6, 2],
        [1, 2],
      ] as const) {
        const padded = transposedSize(size, kernel, stride, 'same');
        const unpadded = transposedSize(size, kernel, stride, 'valid');
        assert.equal(padded, size * stride);
        assert.equal(convolvedSize(padded, kernel, stride, 'same'), size);
        if (kernel >= stride) assert.equal(convolvedSize(unpadded, kernel, stride, 'valid'), size);
      }
    }
  });
});

describe("the notebook's networks", () => {
  it("have the shapes that the notebook's cells give", () => {
    const generator = shapesOf(notebookGenerator(OPTIONS));
    assert.equal(generator['deconv1'], '2x2x100');
    assert.equal(generator['deconv2'], '5x5x64');
    assert.equal(generator['deconv3'], '12x12x32');
    assert.equal(generator['tanh'], '28x28x1');
    const discriminator = shapesOf(notebookDiscriminator(OPTIONS));
    assert.equal(discriminator['conv1'], '14x14x32');
    assert.equal(discriminator['conv2'], '7x7x64');
    assert.equal(discriminator['conv3'], '4x4x128');
    assert.equal(discriminator['conv4'], '2x2x128');
    assert.equal(discriminator['features'], '512');
    assert.equal(discriminator['logits'], '11');
  });

  it('follow the data and the divisor', () => {
    const shapesFor = (channels: number): readonly Record<string, string>[] => {
      const data = { imageShape: [28, 28, channels], classes: 3 } as const;
      const { networks } = buildRecipe(resolveSettings({ recipe: 'notebook' }), data, { channelDivisor: 8 });
      return networks.map(({ network }) => shapesOf(network));
    };
    const [discriminator, generator] = shapesFor(1);
    assert.equal(discriminator!['features'], '64');
    assert.equal(discriminator!['logits'], '4');
    // Divided channels are rounded up, so that none disappears.
    assert.equal(generator!['deconv1'], '2x2x13');
    assert.equal(shapesFor(3)[1]!['tanh'], '28x28x3');
  });

  it('name every layer once', () => {
    for (const { layers } of [notebookGenerator(OPTIONS), notebookDiscriminator(OPTIONS)]) {
      assert.equal(new Set(layers.map(({ name }) => name)).size, layers.length);
    }
  });
});

describe('a layer that does not fit its input', () => {
  it('is refused with its name, its kind and the shape it met', () => {
    const dense: LayerDescription = { kind: 'dense', name: 'out', units: 2, bias: 'trained' };
    assert.throws(() => outputShape(dense, [4, 4, 1]), /"out" \(dense\) needs \[length\], got \[4, 4, 1\]/);
    const reshape: LayerDescription = { kind: 'reshape', name: 'fold', shape: [2, 3] };
    assert.deepEqual(outputShape(reshape, [6]), [2, 3]);
    assert.throws(() => outputShape(reshape, [7]), /"fold" cannot reshape \[7\] to \[2, 3\]/);
    const convolution: LayerDescription = {
      kind: 'conv2d',
      name: 'c',
      filters: 1,
      kernelSize: [1, 1],
      stride: 1,
      padding: 'same',
      bias: 'zero',
    };
    assert.throws(
      () => outputShape(convolution, [5]),
      /"c" \(conv2d\) needs \[height, width, channels\], got \[5\]/,
    );
  });
});
