/** The yardsticks in plain TensorFlow.js: one chunk, which is loaded once one of them takes part. */

export { TFJS_OF } from './plain-backend.js';
export { createPlainFewLabels } from './plain-few-labels.js';
export { createPlainTfjs } from './plain-tfjs.js';
