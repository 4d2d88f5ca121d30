import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replaceQuery } from '../../../src/ui/replace-query.js';

test('a changed query keeps the fragment and the history entry, and a browser that refuses it is no error', () => {
  const entries: [unknown, string][] = [];
  let isRefused = false;
  const page = {
    location: { href: 'https://example.org//course/?seed=2#charts' },
    history: {
      state: 'mine',
      replaceState: (state: unknown, _: string, url: URL) => {
        if (isRefused) throw new DOMException('Too many calls', 'SecurityError');
        entries.push([state, url.href]);
      },
    },
  };
  for (const [name, value] of Object.entries(page)) {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  try {
    replaceQuery('autostart&seed=3');
    replaceQuery('');
    isRefused = true;
    replaceQuery('seed=4');
  } finally {
    for (const name of Object.keys(page)) Reflect.deleteProperty(globalThis, name);
  }
  assert.deepEqual(entries, [
    ['mine', 'https://example.org//course/?autostart&seed=3#charts'],
    ['mine', 'https://example.org//course/#charts'],
  ]);
});
