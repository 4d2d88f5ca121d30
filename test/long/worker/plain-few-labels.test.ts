/** The benchmark's plain yardstick of the recipe for few labels on the GPU and in JavaScript. */

import { testPlainFewLabels } from '../../worker/support/bench-few-labels.js';

testPlainFewLabels(['webgpu', 'webgl', 'cpu']);
