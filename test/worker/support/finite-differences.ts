/** Checks an engine's gradients against central differences of its own losses. */

import type { Engine } from '../../../src/worker/engine/engine.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { norm } from './compare.js';
import { hashed } from './tiny.js';

export interface GradientCheck {
  readonly parameter: string;
  /** Derivative of the loss along a direction: by differences, and from the gradient. */
  readonly measured: number;
  readonly claimed: number;
  /** What of their difference float32 and the curvature explain. */
  readonly tolerance: number;
}

/**
 * Longest step to either side, relative to the parameter's own norm, and the largest change of the
 * loss: long enough to stand out of float32's rounding, short enough not to meet many kinks.
 */
const LONGEST_STEP = 5e-4;
const LARGEST_CHANGE = 5e-4;

/**
 * For every gradient of `gradients` (names `gradient/<parameter>`): the derivative of `lossOf` along
 * the gradient itself, where it is largest, and along a fixed direction that has nothing to do with
 * it. `engine` is left as it was.
 */
export async function checkGradients(
  engine: Engine,
  gradients: ReadonlyMap<string, NamedTensor>,
  lossOf: (parameter: string) => string,
): Promise<readonly GradientCheck[]> {
  const state = await engine.exportState();
  const lossAt = async (parameter: string, values: Float32Array<ArrayBuffer>): Promise<number> => {
    const tensor = { shape: state.tensors.get(parameter)!.shape, values };
    await engine.importState({ ...state, tensors: new Map(state.tensors).set(parameter, tensor) });
    return (await engine.inspectStep()).get(lossOf(parameter))!.values[0]!;
  };
  const checks: GradientCheck[] = [];
  for (const [name, { values: gradient }] of gradients) {
    if (!name.startsWith('gradient/')) continue;
    const parameter = name.slice('gradient/'.length);
    const { values } = state.tensors.get(parameter)!;
    const unrelated = Float64Array.from(values, (_, i) => hashed(i, 99));
    for (const direction of [Float64Array.from(gradient), unrelated]) {
      const longest = LONGEST_STEP * Math.max(norm(values), Math.sqrt(values.length) * 0.1);
      const length = Math.min(longest, LARGEST_CHANGE / norm(gradient)) / norm(direction);
      const moved = (sign: number): Float32Array<ArrayBuffer> =>
        values.map((value, i) => value + sign * length * direction[i]!);
      const [ahead, behind] = [moved(1), moved(-1)];
      const difference = (await lossAt(parameter, ahead)) - (await lossAt(parameter, behind));
      // The step as it was taken, rounded to float32 and all.
      let claimed = 0;
      for (let i = 0; i < values.length; i++) claimed += gradient[i]! * (ahead[i]! - behind[i]!);
      const scale = norm(gradient) * norm(ahead.map((value, i) => value - behind[i]!));
      checks.push({ parameter, measured: difference, claimed, tolerance: 0.03 * scale + 2e-6 });
    }
  }
  await engine.importState(state);
  return checks;
}

/** Those checks whose two derivatives disagree. */
export function disagreements(checks: readonly GradientCheck[]): readonly GradientCheck[] {
  return checks.filter(({ measured, claimed, tolerance }) => !(Math.abs(measured - claimed) <= tolerance));
}
