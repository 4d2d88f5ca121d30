/**
 * A data set, recipes and engine inputs small enough for every backend: batch 10, channels divided
 * by 8, images made of an integer hash. Nothing here is drawn at random.
 */

import { defaultSettings, type Settings } from '../../../src/protocol/settings.js';
import type { RecipeName } from '../../../src/recipe/recipes.js';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type { Dataset, ImageSet } from '../../../src/worker/data/dataset.js';
import { buildRecipe } from '../../../src/recipe/build-recipe.js';

const IMAGE_SHAPE = [28, 28, 1] as const;
const CLASSES = 10;
const CHANNEL_DIVISOR = 8;

/** A well-mixed 32-bit integer of an integer (the finaliser of MurmurHash3). */
export function hash(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A number in [-1, 1) that depends on `index` and `salt` alone. */
export function hashed(index: number, salt: number): number {
  return hash(index * 31 + salt * 1_000_003) / 2 ** 31 - 1;
}

/** `count` noisy images, each with a bright bar whose place tells its label. */
function imageSet(count: number, salt: number): ImageSet {
  const [height, width, channels] = IMAGE_SHAPE;
  const size = height * width * channels;
  const images = new Uint8Array(count * size);
  const labels = new Uint8Array(count);
  for (let image = 0; image < count; image++) {
    const label = hash(image + salt) % CLASSES;
    labels[image] = label;
    for (let pixel = 0; pixel < size; pixel++) {
      const row = Math.floor(pixel / (width * channels));
      const isBar = row >= 2 * label + 4 && row < 2 * label + 6;
      images[image * size + pixel] = isBar
        ? 200 + (hash(image * size + pixel + salt) % 56)
        : hash(image * size + pixel + salt) % 64;
    }
  }
  return { count, images, labels };
}

/** 200 training and 100 test images of 10 classes. */
export const tinyDataset: Dataset = Object.freeze({
  imageShape: IMAGE_SHAPE,
  classes: CLASSES,
  classNames: Array.from({ length: CLASSES }, (_, label) => String(label)),
  train: imageSet(200, 7),
  test: imageSet(100, 1_000_000),
});

/** The first 60 training images are labelled. */
export const tinySplit = Object.freeze({
  labelled: Uint32Array.from({ length: 60 }, (_, i) => i),
  unlabelled: Uint32Array.from({ length: 140 }, (_, i) => 60 + i),
});

/** Everything an engine is made from; `overrides` change the settings. */
export function tinyInput(
  recipe: RecipeName,
  overrides: Partial<Settings> = {},
  channelDivisor = CHANNEL_DIVISOR,
): EngineInput {
  const settings: Settings = {
    ...defaultSettings(recipe),
    batch: 10,
    labels: 60,
    ...overrides,
  };
  return {
    recipe: buildRecipe(settings, tinyDataset, { channelDivisor }),
    settings,
    dataset: tinyDataset,
    split: tinySplit,
  };
}
