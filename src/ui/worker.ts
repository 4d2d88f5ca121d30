/** The worker's script of this build: for the attribute `worker-url` of an element elsewhere, or to preload it. */

export { workerUrl } from './worker-files.js';
