/** The tfjs engine's Adam on plain arrays. */

import * as tf from '@tensorflow/tfjs-core';
import { startBackend, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { adamUpdate } from '../../../src/worker/engine/tfjs/kernels/adam.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import type { Optimiser } from '../../../src/recipe/recipe.js';
import { adamRate, CONSTANT } from '../../../src/recipe/schedules.js';
import { ADAM_RATES, type AdamState } from '../../reference/check-adam.js';

/** Makes one update on a backend; `shift` is added to the number of the update, to plant a defect. */
export function updateByTfjsAdam(
  backend: TfjsBackend,
  rates: Pick<Optimiser, 'lr' | 'beta1' | 'beta2'> = ADAM_RATES,
  shift = 0,
): (state: AdamState, gradient: NamedTensor, t: number) => Promise<AdamState> {
  return async (state, gradient, t) => {
    const started = await startBackend(backend);
    try {
      started.activate();
      const upload = ({ shape, values }: NamedTensor): tf.Tensor => tf.tensor(values.slice(), [...shape]);
      const old = { parameter: upload(state.parameter), m: upload(state.m), v: upload(state.v) };
      const uploaded = upload(gradient);
      const optimiser: Optimiser = { kind: 'adam', ...rates, epsilon: 1e-8, schedule: CONSTANT };
      const rate = adamRate(optimiser, t - 1, t + shift);
      const updated = adamUpdate(old, uploaded, { ...optimiser, rate });
      const download = async (tensor: tf.Tensor): Promise<NamedTensor> => ({
        shape: tensor.shape,
        values: Float32Array.from(await tensor.data<'float32'>()),
      });
      const [parameter, m, v] = await Promise.all([updated.parameter, updated.m, updated.v].map(download));
      tf.dispose([old, uploaded, { ...updated }]);
      return { parameter: parameter!, m: m!, v: v! };
    } finally {
      started.dispose();
    }
  };
}
