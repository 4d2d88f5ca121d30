/**
 * Makes a page cross-origin isolated whose server sends no such headers, by a service worker that adds them
 * (static/isolation-worker.js). The page has to be loaded once more for that.
 */

import { feature } from '../../browser/feature.js';
import { describeError } from '../../protocol/wording.js';

/** Kept while the page is loaded once more, so that one which cannot be isolated is not loaded for ever. */
const RELOADED_KEY = 'sgan-trainer-isolation';

/** `none`: there is nothing to wait for; `reload`: the page can be loaded again as an isolated one. */
export type Isolation = 'none' | 'reload';

/** Whether a service worker may be made here and would help: in a page of its own, over HTTPS or on this machine. */
function canHelp(): boolean {
  return (
    globalThis.crossOriginIsolated === false &&
    globalThis.isSecureContext &&
    feature(() => navigator.serviceWorker) !== undefined &&
    globalThis.parent === globalThis.self
  );
}

/** Resolves once the page's requests pass through the service worker. Throws where they never will. */
async function untilControlled(registration: ServiceWorkerRegistration): Promise<void> {
  const { scope, installing, waiting, active } = registration;
  const { serviceWorker } = navigator;
  if (!location.href.startsWith(scope)) throw new Error(`it serves ${scope}, which this page is not in`);
  if (serviceWorker.controller !== null) return;
  // A page that was loaded past it, by a forced reload, stays so; the next load passes through it.
  if (active?.state === 'activated' && installing === null && waiting === null) return;
  await new Promise<void>((resolve, reject) => {
    serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true });
    installing?.addEventListener('statechange', () => {
      if (installing.state === 'redundant') reject(new Error('it could not be installed'));
    });
  });
}

/**
 * Registers the service worker at `url`, relative to `base`. Throws, with a sentence, where the browser
 * refuses it.
 */
export async function prepareIsolation(url: string, base: string): Promise<Isolation> {
  const storage = feature(() => sessionStorage);
  if (!canHelp() || storage === undefined || storage.getItem(RELOADED_KEY) !== null) {
    if (globalThis.crossOriginIsolated) feature(() => storage?.removeItem(RELOADED_KEY) ?? true);
    return 'none';
  }
  try {
    await untilControlled(await navigator.serviceWorker.register(new URL(url, base)));
  } catch (cause) {
    const message =
      `The service worker "${url}" of "isolation-url" cannot be used (${describeError(cause)}). ` +
      'It has to lie on the page’s own origin, in its folder or above. Training goes on, on one thread.';
    throw new Error(message, { cause });
  }
  return 'reload';
}

/** Loads the page again, as an isolated one. */
export function reloadIsolated(): void {
  sessionStorage.setItem(RELOADED_KEY, 'once');
  location.reload();
}
