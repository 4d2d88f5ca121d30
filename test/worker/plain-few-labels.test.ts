/** The benchmark's plain yardstick of the recipe for few labels; the other backends are in test/long. */

import { testPlainFewLabels } from './support/bench-few-labels.js';

testPlainFewLabels(['wasm']);
