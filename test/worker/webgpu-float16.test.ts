/** Activations as float16, which a setting asks the webgpu engine for; test/long has whole steps and other recipes. */

import { FLOAT16_CHECKS } from './support/float16-checks.js';
import { describeFeature } from './support/webgpu.js';

describeFeature('shader-f16', 'an operation of the webgpu engine on activations as float16', () => {
  const [name, check] = Object.entries(FLOAT16_CHECKS)[0]!;
  it(name, check);
});
