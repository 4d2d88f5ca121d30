/** The tfjs engine's Adam on plain arrays. */

import * as tf from '@tensorflow/tfjs-core';
import { startBackend, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { adamUpdate, type AdamSettings } from '../../../src/worker/engine/tfjs/kernels/adam.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { ADAM_RATES, type AdamState } from '../../reference/check-adam.js';

/** Makes one update on a backend; `shift` is added to the number of the update, to plant a defect. */
export function updateByTfjsAdam(
  backend: TfjsBackend,
  rates: AdamSettings = ADAM_RATES,
  shift = 0,
): (state: AdamState, gradient: NamedTensor, t: number) => Promise<AdamState> {
  return async (state, gradient, t) => {
    const started = await startBackend(backend);
    try {
      started.activate();
      const upload = ({ shape, values }: NamedTensor): tf.Tensor => tf.tensor(values.slice(), [...shape]);
      const old = { parameter: upload(state.parameter), m: upload(state.m), v: upload(state.v) };
      const uploaded = upload(gradient);
      const updated = adamUpdate(old, uploaded, rates, t + shift);
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
