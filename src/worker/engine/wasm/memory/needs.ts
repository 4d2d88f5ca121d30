/** The memory that a run is known to need, reckoned from sizes alone, before anything is allocated. */

import { TrainerError } from '../../../../protocol/errors.js';
import { formatNumber } from '../../../../protocol/wording.js';
import { sizeOf } from '../../../../recipe/layers.js';
import type { Recipe } from '../../../../recipe/recipe.js';
import { parametersOf } from '../../../model/parameters.js';
import type { DataSizes } from '../../data-sizes.js';
import type { PlannedProgram } from '../../plan/plan.js';

/** Bytes of each part, programs as much as the largest, as they share theirs; kernels need some beside them. */
export interface MemoryNeeds {
  readonly images: number;
  readonly parameters: number;
  readonly programs: number;
}

/** Bytes of a program's tensors. */
export function programBytes({ layout }: PlannedProgram): number {
  return layout.buffers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

export function memoryNeeds(
  recipe: Recipe,
  { imageShape, trainCount, testCount, pooledCount }: DataSizes,
  programs: readonly PlannedProgram[],
): MemoryNeeds {
  const copies = ({ role, isAveraged }: { role: string; isAveraged: boolean }): number =>
    (role === 'trained' ? 3 : 1) + (isAveraged ? 1 : 0);
  const parameters = parametersOf(recipe).reduce(
    (sum, parameter) => sum + 4 * sizeOf(parameter.shape) * copies(parameter),
    0,
  );
  return {
    // With a label each.
    images: (trainCount + testCount) * (sizeOf(imageShape) + 1) + 4 * pooledCount,
    parameters,
    programs: Math.max(...programs.map(programBytes)),
  };
}

/** Throws `OutOfMemory` where they are more than `mostBytes` together. */
export function checkMemory({ images, parameters, programs }: MemoryNeeds, mostBytes: number): void {
  const bytes = images + parameters + programs;
  if (bytes <= mostBytes) return;
  const remedy = images > programs ? 'Use fewer or smaller images' : 'Use a smaller batch, or smaller images';
  throw new TrainerError(
    'OutOfMemory',
    `The run needs ${formatNumber(bytes)} bytes: ${formatNumber(images)} for the images, ` +
      `${formatNumber(parameters)} for the networks, ${formatNumber(programs)} for what a step computes; ` +
      `WebAssembly has at most ${formatNumber(mostBytes)} here. ${remedy}, or the engine "tfjs-wasm".`,
  );
}
