/** The notebook with feature matching on images of other shapes, small enough for every engine. */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { DataShape } from '../../src/recipe/recipe.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';
import { randomDataset } from './random-recipes.js';

/** Shapes that no one had in mind: upright in colour, many classes, large in colour. */
export const SHAPES: readonly DataShape[] = [
  { imageShape: [12, 20, 3], classes: 4 },
  { imageShape: [32, 32, 1], classes: 62 },
  { imageShape: [64, 64, 3], classes: 2 },
];

export function shapeName({ imageShape, classes }: DataShape): string {
  return `${imageShape.join(' x ')} with ${classes} classes`;
}

export function shapedInput(shape: DataShape): EngineInput {
  const settings = resolveSettings({ recipe: 'notebook-feature-matching', batch: 12, seed: 3 });
  const train = 2 * shape.classes + 40;
  return {
    recipe: buildRecipe(settings, shape, { channelDivisor: 12 }),
    settings,
    dataset: randomDataset(shape, 5, { train, test: 30 }),
    split: {
      labelled: Uint32Array.from({ length: 2 * shape.classes }, (_, index) => index),
      unlabelled: Uint32Array.from({ length: 40 }, (_, index) => 2 * shape.classes + index),
    },
  };
}
