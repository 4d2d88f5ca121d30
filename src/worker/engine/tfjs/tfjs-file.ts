/** Entry of the file that holds TensorFlow.js: what the worker's script takes from it. */

export { createTfjsEngine } from './index.js';
export { exportLayersModels } from './layers-model.js';
export { useMovedFiles } from '../../../browser/build-files.js';
