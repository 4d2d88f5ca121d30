/**
 * Entry of the worker: takes the lock whose release tells the page of this worker's death, and exposes
 * the trainer, all at once, so that no message is missed. Loads nothing heavy; engines come with the
 * first command.
 */

import { expose } from 'comlink';
import { workerLockName } from '../protocol/trainer-api.js';
import { ENGINES } from './engine/engine-table.js';
import { buildRecipe } from '../recipe/build-recipe.js';
import { Trainer } from './commands/trainer.js';
import { createYield } from './commands/yield.js';

declare const self: DedicatedWorkerGlobalScope;

/**
 * Takes the lock whose release tells the page of this worker's death, and keeps it until the worker
 * ends, however it ends. Resolves when it is held: the client asks for the same lock once `open` has
 * answered, and must not be the first. Insecure origins have no locks and a page that blocks storage
 * is refused them; the client then learns of a death only by the `error` event.
 */
function takeLock(): Promise<void> {
  const locks = navigator.locks as LockManager | undefined;
  return new Promise((resolve) => {
    const hold = (): Promise<never> => {
      resolve();
      return new Promise(() => undefined);
    };
    if (locks === undefined) resolve();
    else locks.request(workerLockName(self.name), hold).catch(() => resolve());
  });
}

const trainer = new Trainer({
  engines: ENGINES,
  buildRecipe,
  fetch: (...request) => fetch(...request),
  now: () => performance.now(),
  schedule: (callback, delayMs) => void setTimeout(callback, delayMs),
  yieldToCommands: createYield(),
  whenReady: takeLock(),
  exportModel: async (recipe, state) => {
    const { exportLayersModels } = await import('./engine/tfjs/layers-model.js');
    return exportLayersModels(recipe, state.tensors);
  },
});
expose(trainer);

// A rejection that nobody awaits does not reach the page as an error of the worker.
self.addEventListener('unhandledrejection', ({ reason }) => trainer.fail(reason));
