/** Waiting for the service worker that isolates a page, on a browser that is made up. */

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { prepareIsolation } from '../../../src/ui/element/isolate-page.js';

const before = new Map<string, PropertyDescriptor | undefined>();

function stub(name: string, value: unknown): void {
  if (!before.has(name)) before.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

afterEach(() => {
  for (const [name, descriptor] of before) {
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, descriptor);
  }
  before.clear();
});

/** A page that no service worker has, on which `registration` is what registering one gives. */
function openPage(registration: Partial<ServiceWorkerRegistration>): EventTarget {
  const serviceWorker = Object.assign(new EventTarget(), {
    controller: null,
    register: async () => ({
      scope: 'https://example.org/',
      installing: null,
      waiting: null,
      active: null,
      ...registration,
    }),
  });
  stub('crossOriginIsolated', false);
  stub('isSecureContext', true);
  stub('self', globalThis);
  stub('parent', globalThis);
  stub('location', { href: 'https://example.org/page' });
  stub('navigator', { serviceWorker });
  stub('sessionStorage', { getItem: () => null, setItem: () => undefined, removeItem: () => undefined });
  return serviceWorker;
}

const SCRIPT = 'https://example.org/isolation-worker.js';

test('a page that was loaded past the service worker, by a forced reload, is loaded again', async () => {
  openPage({ active: { state: 'activated' } as ServiceWorker });
  assert.equal(await prepareIsolation(SCRIPT, 'https://example.org/page'), 'reload');
});

test('one that is installed first is waited for', async () => {
  const installing = Object.assign(new EventTarget(), { state: 'installing' }) as unknown as ServiceWorker;
  const serviceWorker = openPage({ installing });
  let isSettled = false;
  const isolation = prepareIsolation(SCRIPT, 'https://example.org/page').finally(() => (isSettled = true));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSettled, false);
  serviceWorker.dispatchEvent(new Event('controllerchange'));
  assert.equal(await isolation, 'reload');
});
