/** tfjs' plain JavaScript backend: slow, runs everywhere. */

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { FailureWatch } from '../../device/failure-watch.js';
import { registerComposedAdam } from '../kernels/adam.js';
import { registerComposedBatchNorm } from '../kernels/batch-norm.js';
import { registerComposedGroupNorm } from '../kernels/group-norm.js';
import type { MakeBackend } from './backend.js';

registerComposedBatchNorm('cpu');
registerComposedGroupNorm('cpu');
registerComposedAdam('cpu');

export const makeBackend: MakeBackend = async () => ({
  backend: new MathBackendCPU(),
  adapter: 'JavaScript',
  isSoftware: false,
  watch: new FailureWatch(),
  release: () => undefined,
});
