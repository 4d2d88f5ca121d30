/** The webgpu engine with activations as float16, where the browser's adapter has it; on Dawn: `test/long/unit`. */

import { FLOAT16_CHECKS } from '../../worker/support/float16-checks.js';
import { describeFeature } from '../../worker/support/webgpu.js';

describeFeature('shader-f16', 'the webgpu engine with activations as float16', () => {
  for (const [name, check] of Object.entries(FLOAT16_CHECKS)) it(name, check);
});
