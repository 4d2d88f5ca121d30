/** Version of this build as it stands in the handshake and in checkpoints. */
export { VERSION as WORKER_VERSION } from '../protocol/version.js';
