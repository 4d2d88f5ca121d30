/** Finding a browser: one that does not launch is passed over aloud, none says what to install. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchBrowser, launchFirst, usesWideVectors } from '../../scripts/lib/browser.mjs';

const BROKEN = { name: 'a broken browser', find: () => ({ executablePath: process.execPath }) };
const MISSING = { name: 'a missing browser', find: () => Promise.reject(new Error('cannot be unpacked')) };

test('a CHROME_PATH that does not launch is passed over with a note', async (context) => {
  const before = process.env.CHROME_PATH;
  context.after(() => {
    if (before === undefined) delete process.env.CHROME_PATH;
    else process.env.CHROME_PATH = before;
  });
  process.env.CHROME_PATH = '/no/such/browser';
  const notes = [];
  const browser = await launchBrowser({ purpose: 'test', log: (note) => notes.push(note) });
  context.after(() => browser.close());
  assert.ok(browser.connected);
  assert.match(notes.join('\n'), /CHROME_PATH \(\/no\/such\/browser\) did not launch and is passed over/);
});

test('where none launches, each was tried aloud and the error says what to install', async () => {
  const notes = [];
  const launching = launchFirst([BROKEN, MISSING], { purpose: 'test', log: (note) => notes.push(note) });
  await assert.rejects(
    launching,
    /tried a broken browser, a missing browser.*Install Google Chrome.*CHROME_PATH/,
  );
  assert.equal(notes.length, 2);
  assert.match(notes[1], /cannot be unpacked/);
});

test('where there is none at all, the error says what to install', async () => {
  await assert.rejects(launchFirst([], { purpose: 'test', log: () => {} }), /No browser was found\. Install/);
});

test('the browser of the tests has WebGPU, on a software adapter', async (context) => {
  const browser = await launchBrowser({ purpose: 'test' });
  context.after(() => browser.close());
  const { serveSite } = await import('../../scripts/lib/serve.mjs');
  const site = await serveSite();
  context.after(() => site.close());
  const page = await browser.newPage();
  await page.goto(`${site.url}headless.html`);
  const isFallback = await page.evaluate(
    async () => (await navigator.gpu.requestAdapter()).info.isFallbackAdapter,
  );
  assert.equal(isFallback, true);
});

test('a browser is told to join vectors where that is asked for, by the environment before anyone else', async (context) => {
  const flags = async (hasWideVectors) => {
    const browser = await launchBrowser({ purpose: 'test', hasWideVectors });
    context.after(() => browser.close());
    return browser.process().spawnargs.filter((flag) => flag.includes('revectorize'));
  };
  assert.equal((await flags(true)).length, 1);
  assert.deepEqual(await flags(false), []);
  for (const byDefault of [true, false]) {
    assert.equal(usesWideVectors(byDefault, {}), byDefault);
    assert.equal(usesWideVectors(byDefault, { WIDE_VECTORS: '1' }), true);
    assert.equal(usesWideVectors(byDefault, { WIDE_VECTORS: '0' }), false);
  }
  assert.throws(() => usesWideVectors(true, { WIDE_VECTORS: 'on' }), /WIDE_VECTORS is "on"/);
});
