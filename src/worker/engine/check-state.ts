/** The check that a state fits a recipe, before an engine takes it in. */

import { TrainerError } from '../../protocol/errors.js';
import { parametersOf, stateShapes, type NamedTensors } from '../model/parameters.js';
import { sizeOf } from '../../recipe/layers.js';
import type { EngineInput } from './engine.js';

/** Throws `InvalidCheckpoint` unless names and shapes are those of the recipe. */
export function checkState({ recipe }: EngineInput, tensors: NamedTensors): void {
  const expected = stateShapes(recipe);
  const refuse = (what: string): never => {
    throw new TrainerError(
      'InvalidCheckpoint',
      `The state does not fit the recipe "${recipe.name}": ${what}.`,
    );
  };
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found === undefined) return refuse(`"${name}" is missing`);
    const isSame = found.shape.length === shape.length && shape.every((size, i) => size === found.shape[i]);
    if (!isSame) refuse(`"${name}" is [${found.shape.join(', ')}] instead of [${shape.join(', ')}]`);
    if (found.values.length !== sizeOf(shape)) refuse(`"${name}" has ${found.values.length} values`);
  }
  for (const { name, role, part, initial } of parametersOf(recipe)) {
    // Forward passes leave these biases out. Targets are set between stages.
    if (role !== 'frozen' || part === 'targets' || initial.kind !== 'constant') continue;
    const moved = tensors.get(name)?.values.find((value) => value !== initial.value);
    if (moved !== undefined) refuse(`"${name}" stays at ${initial.value} in this recipe, but holds ${moved}`);
  }
  const unknown = [...tensors.keys()].find((name) => !expected.has(name));
  if (unknown !== undefined) refuse(`"${unknown}" is not one of its tensors`);
}
