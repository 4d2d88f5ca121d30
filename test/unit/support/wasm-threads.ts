/**
 * Compute threads of the wasm engine in Node: what `threads/thread.ts` is in a browser, on worker_threads. Node 20 does
 * not survive a sleep in `memory.atomic.wait` while V8's baseline compiler is on: it is switched off, for the process.
 */

import v8 from 'node:v8';
import { Worker as NodeWorker } from 'node:worker_threads';
import { wordOf } from '../../../src/worker/engine/wasm/layout/fields.js';
import { RUN } from '../../../src/worker/engine/wasm/layout/run.js';
import type { SpawnThread } from '../../../src/worker/engine/wasm/threads/team.js';

v8.setFlagsFromString('--no-liftoff');

const SCRIPT = `
const { parentPort } = require('node:worker_threads');
parentPort.once('message', async ({ module, memory, run, helper, scratch }) => {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const last = Atomics.load(new Int32Array(memory.buffer, run), ${wordOf(RUN, 'command')});
  parentPort.postMessage('ready');
  exports.serve(run, helper, last, scratch);
});
`;

/** A helper's worker, as far as a team uses it. */
export const spawnNodeThread: SpawnThread = () => {
  const worker = new NodeWorker(SCRIPT, { eval: true });
  const seen: { onmessage?: () => void; onerror?: () => void } = {};
  worker.on('message', () => seen.onmessage?.());
  worker.on('error', () => seen.onerror?.());
  return Object.assign(seen, {
    postMessage: (message: unknown) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
  }) as unknown as Worker;
};
