/**
 * Entry of the worker: takes the lock whose release tells the page of this worker's death, and exposes
 * the trainer, all at once, so that no message is missed. Loads nothing heavy; engines come with the
 * first command.
 */

import { expose } from 'comlink';
import { feature } from '../browser/feature.js';
import { workerLockName } from '../protocol/trainer-api.js';
import { coresForThreads } from './engine/device/platform.js';
import { ENGINES } from './engine/engine-table.js';
import { spreadKernels } from './engine/spread-kernels.js';
import { buildRecipe } from '../recipe/build-recipe.js';
import { Trainer } from './commands/trainer.js';
import { createYield } from './commands/yield.js';
import { WORKER_VERSION } from './version.js';

declare const self: DedicatedWorkerGlobalScope;

/**
 * Takes the lock whose release tells the page of this worker's death, and keeps it until the worker
 * ends, however it ends. Resolves when it is held: the client asks for the same lock once `open` has
 * answered, and must not be the first. Resolves false where there are no locks (insecure origins) or
 * they are refused (blocked storage); the client then learns of a death only by the `error` event.
 */
function takeLock(): Promise<boolean> {
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve(true);
      return new Promise(() => undefined);
    };
    const asked = feature(() =>
      navigator.locks.request(workerLockName(self.name), hold).catch(() => resolve(false)),
    );
    if (asked === undefined) resolve(false);
  });
}

const trainer = new Trainer({
  engines: ENGINES,
  buildRecipe,
  spreadKernels,
  fetch: (...request) => fetch(...request),
  now: () => performance.now(),
  schedule: (callback, delayMs) => void setTimeout(callback, delayMs),
  yieldToCommands: createYield(),
  whenLocked: takeLock(),
  measuring: {
    store: async () => (await import('./engine/engine-speeds.js')).workerSpeeds,
    cores: coresForThreads(),
    version: WORKER_VERSION,
  },
  exportModel: async (recipe, state) => {
    const { exportLayersModels } = await import('./engine/tfjs/layers-model.js');
    return exportLayersModels(recipe, state.tensors);
  },
});
expose(trainer);

// A rejection that nobody awaits does not reach the page as an error of the worker.
self.addEventListener('unhandledrejection', ({ reason }) => trainer.fail(reason));
