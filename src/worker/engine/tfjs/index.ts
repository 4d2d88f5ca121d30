/** The reference engine's public face. */

export { createTfjsEngine } from './tfjs-engine.js';
export {
  startBackend,
  TFJS_BACKENDS,
  type StartedBackend,
  type TfjsBackend,
} from './backends/start-backend.js';
