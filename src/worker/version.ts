/**
 * Version of this build, as in package.json (a unit test compares the two). Stands in the handshake
 * and in checkpoints.
 */
export const WORKER_VERSION = '0.1.0';
