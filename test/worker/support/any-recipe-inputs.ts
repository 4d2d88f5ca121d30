/** Recipes that no one wrote and images of other shapes, which every engine of a browser computes. */

import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { randomInput } from '../../support/random-recipes.js';
import { SHAPES, shapedInput, shapeName } from '../../support/shaped-input.js';

/** The backend of tfjs-wasm makes nothing of such layers. */
function hasSmallKernel({ recipe }: EngineInput): boolean {
  return recipe.networks.some(({ network }) =>
    network.layers.some((layer) => layer.kind === 'conv2d' && Math.min(...layer.kernelSize) < layer.stride),
  );
}

/** Several phases and averages are among them. */
const RANDOM = Array.from({ length: 20 }, (_, seed) => seed)
  .filter((seed) => !hasSmallKernel(randomInput(seed)))
  .slice(0, 4);

export type NamedInput = readonly [name: string, input: () => EngineInput];

const ofShape = (shape: (typeof SHAPES)[number]): NamedInput => [shapeName(shape), () => shapedInput(shape)];
const ofSeed = (seed: number): NamedInput => [`random recipe ${seed}`, () => randomInput(seed)];

export const ANY_INPUTS: readonly NamedInput[] = [...SHAPES.map(ofShape), ...RANDOM.map(ofSeed)];

/** Those that software adapters compile in CI; `test/long` has the others on webgpu. */
export const FEW_INPUTS: readonly NamedInput[] = [ofShape(SHAPES[0]!), ...RANDOM.slice(0, 2).map(ofSeed)];
