/** Checks an implementation of Adam against TensorFlow's on given gradients. */

import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { ADAM_TOLERANCE, compareTensor, type Comparison } from './compare.js';
import type { Reference } from './load.js';

export interface AdamState {
  readonly parameter: NamedTensor;
  readonly m: NamedTensor;
  readonly v: NamedTensor;
}

/** The rates that the reference was made with. */
export const ADAM_RATES = { lr: 1e-3, beta1: 0.9, beta2: 0.999 } as const;

const UPDATES = [1, 2, 3] as const;

/**
 * Makes three updates with the gradients of every Adam case, each from zero, and compares parameter
 * and moments after each. `update` makes update number `t` (the first of a run is 1) with `ADAM_RATES`.
 */
export async function compareAdam(
  reference: Reference,
  update: (state: AdamState, gradient: NamedTensor, t: number) => Promise<AdamState>,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const [name, { step, tensors }] of reference.adam) {
    const { shape, values } = tensors.get('gradient1')!;
    const zeros = (): NamedTensor => ({ shape, values: new Float32Array(values.length) });
    let state: AdamState = { parameter: zeros(), m: zeros(), v: zeros() };
    for (const i of UPDATES) {
      const gradient = { shape, values: tensors.get(`gradient${i}`)!.values.slice() };
      state = await update(state, gradient, step + i);
      for (const part of ['parameter', 'm', 'v'] as const) {
        const key = `after${i}/${part}`;
        comparisons.push(compareTensor(`${name}/${key}`, state[part], tensors.get(key)!, ADAM_TOLERANCE));
      }
    }
  }
  return comparisons;
}
