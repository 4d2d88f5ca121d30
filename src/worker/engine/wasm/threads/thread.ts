/** Entry of a helper thread: instantiates the kernels over the shared memory, answers, and serves. */

/// <reference lib="webworker" />

import { instantiate } from '../kernels.js';
import { currentCommand, type ThreadStart } from './team.js';

addEventListener('message', ({ data }: MessageEvent<ThreadStart>) => {
  void begin(data);
});

async function begin({ module, memory, run, helper, scratch }: ThreadStart): Promise<void> {
  const kernels = await instantiate(module, memory);
  const last = currentCommand(memory, run);
  postMessage('ready');
  // Never returns to the event loop while the engine lives: between programs it sleeps in there.
  kernels.serve(run, helper, last, scratch);
  close();
}
