/**
 * Entry of the worker: exposes the trainer first, so that no message is missed, then takes the lock
 * whose release tells the page of this worker's death. Loads nothing heavy; engines come with the
 * first command.
 */

import { expose } from 'comlink';
import { workerLockName } from '../protocol.js';
import { ENGINES } from './engine-table.js';
import { buildRecipe } from './recipes.js';
import { Trainer } from './trainer.js';
import { createYield } from './yield.js';

declare const self: DedicatedWorkerGlobalScope;

const trainer = new Trainer({
  engines: ENGINES,
  buildRecipe,
  fetch: (...request) => fetch(...request),
  now: () => performance.now(),
  schedule: (callback, delayMs) => void setTimeout(callback, delayMs),
  yieldToCommands: createYield(),
  exportModel: async (recipe, state) => {
    const { exportLayersModels } = await import('./model/layers-model.js');
    return exportLayersModels(recipe, state.tensors);
  },
});
expose(trainer);

// Held until the worker ends, however it ends. Insecure origins have no locks and a page that blocks
// storage is refused them; the client then learns of a death only by the `error` event.
const locks = navigator.locks as LockManager | undefined;
locks?.request(workerLockName(self.name), () => new Promise<never>(() => undefined)).catch(() => undefined);

// A rejection that nobody awaits does not reach the page as an error of the worker.
self.addEventListener('unhandledrejection', ({ reason }) => trainer.fail(reason));
