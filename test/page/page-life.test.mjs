/** The element in pages that are not ours: many, two, moved, inside other elements, from other origins. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { serveSite } from '../../scripts/lib/serve.mjs';
import { DIST } from '../../scripts/lib/paths.mjs';
import { openPage, openSite, SMALL, stateOf, untilState, untilWorkers } from './support/page.mjs';
import { serveData, smallData } from './support/small-data.mjs';

test('twenty elements that come and go leave no worker', async (context) => {
  const site = await openSite(context);
  const { page, violations } = await openPage(site);
  await page.evaluate(async (settings) => {
    document.querySelector('sgan-trainer').remove();
    for (let round = 0; round < 20; round++) {
      const trainer = document.createElement('sgan-trainer');
      trainer.settings = settings;
      document.body.append(trainer);
      // Taken away in each of its early stages in turn: at once, at its first report, its second, …
      let reports = 0;
      const reached = new Promise((resolve) => {
        const count = () => reports++ >= round % 10 && resolve();
        for (const type of ['sgan-state', 'sgan-report']) trainer.addEventListener(type, count);
        if (round % 10 === 0) resolve();
      });
      const started = trainer.start().catch(() => undefined);
      await Promise.race([reached, started]);
      trainer.remove();
      await started;
    }
  }, SMALL);
  await untilWorkers(page, 0);
  const { held, pending } = await page.evaluate(() => navigator.locks.query());
  assert.deepEqual([held, pending], [[], []]);
  assert.deepEqual(violations, []);
});

test('two elements train side by side, each with a worker of its own', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  const states = await page.evaluate(async (settings) => {
    const first = document.querySelector('sgan-trainer');
    const second = first.cloneNode();
    first.after(second);
    second.settings = { ...settings, seed: 2 };
    await Promise.all([first.step(), second.step()]);
    return [first.state, second.state];
  }, SMALL);
  assert.deepEqual(states, ['paused', 'paused']);
  assert.equal(page.workers().length, 2);
});

test('moved in the document it goes on with the same worker; taken out, the worker ends', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  await page.$eval('sgan-trainer', async (trainer) => {
    await trainer.start();
    const elsewhere = document.createElement('section');
    document.body.append(elsewhere);
    elsewhere.append(trainer);
  });
  const [worker] = page.workers();
  await page.$eval('sgan-trainer', (trainer) => trainer.pause());
  assert.equal(await stateOf(page), 'paused');
  assert.deepEqual(page.workers(), [worker]);
  await page.$eval('sgan-trainer', (trainer) => trainer.remove());
  await untilWorkers(page, 0);
});

test('inside a foreign shadow root it trains, and its events come out', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  const heard = await page.evaluate(async (settings) => {
    const host = document.createElement('div');
    document.body.append(host);
    const trainer = document.createElement('sgan-trainer');
    host.attachShadow({ mode: 'closed' }).append(trainer);
    const types = new Set();
    for (const type of ['sgan-state', 'sgan-report', 'sgan-evaluation']) {
      host.addEventListener(type, () => types.add(type));
    }
    trainer.settings = settings;
    await trainer.step();
    return [...types].sort();
  }, SMALL);
  assert.deepEqual(heard, ['sgan-evaluation', 'sgan-report', 'sgan-state']);
});

/** A page of another site, without a policy of its own, that embeds the element of `origin`. */
function embeddingPage(origin) {
  return (request, response) => {
    if (!request.url.startsWith('/embedded.html')) return false;
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(`<!doctype html><title>A course</title>
      <script type="module" src="${origin}ui/define.js"></script>
      <sgan-trainer><p>Not loaded.</p></sgan-trainer>`);
    return true;
  };
}

test('embedded from another origin, script, worker and data come from there', async (context) => {
  const site = await openSite(context);
  const files = new Map(Object.entries(await smallData()));
  const allowed = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
  const data = serveData(files, allowed);
  const origin = await serveSite({
    intercept: (request, response) => {
      for (const [name, value] of Object.entries(allowed)) response.setHeader(name, value);
      if (data(request, response)) return true;
      // What a content network serves: the site's files with these headers and no policy.
      return serveFile(request, response, allowed);
    },
  });
  context.after(() => origin.close());
  const course = await serveSite({ intercept: embeddingPage(origin.url) });
  context.after(() => course.close());
  const { page } = await openPage({ ...site, url: course.url }, {}, 'embedded.html');
  await page.$eval('sgan-trainer', (trainer, settings) => void (trainer.settings = settings), SMALL);
  await page.$eval('sgan-trainer', (trainer) => void trainer.step().catch(() => undefined));
  await untilState(page, 'paused');
});

async function serveFile(request, response, headers) {
  const { pathname } = new URL(request.url, 'http://localhost');
  const types = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
  const bytes = await readFile(path.join(DIST, pathname)).catch(() => null);
  if (bytes === null) return false;
  response.writeHead(200, {
    ...headers,
    'Content-Type': types[path.extname(pathname)] ?? 'application/octet-stream',
  });
  response.end(bytes);
  return true;
}

test('a worker URL that leads nowhere is told as such', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  const error = await page.$eval('sgan-trainer', async (trainer) => {
    trainer.workerUrl = '/no/such/worker.js';
    await trainer.start().catch(() => undefined);
    return trainer.error;
  });
  assert.equal(error.kind, 'WorkerUnavailable');
  assert.match(error.message, /no\/such\/worker\.js cannot be started/);
  assert.equal(await stateOf(page), 'failed');
});

test('without its script the element shows what stands inside it', async (context) => {
  const site = await openSite(context);
  const page = await site.browser.newPage();
  await page.setJavaScriptEnabled(false);
  await page.goto(site.url);
  const text = await page.$eval('sgan-trainer', (trainer) => trainer.innerText);
  assert.match(text, /needs a browser with JavaScript modules/);
});

test('imported in Node it does nothing, and does not throw', async () => {
  const before = Object.keys(globalThis);
  await import(pathToFileURL(path.join(DIST, 'ui', 'define.js')).href);
  assert.deepEqual(Object.keys(globalThis), before);
  assert.equal(globalThis.customElements, undefined);
});

test('imported twice, in two copies, it is defined once', async (context) => {
  const site = await openSite(context);
  const { page, violations } = await openPage(site);
  const isSame = await page.evaluate(async () => {
    const before = customElements.get('sgan-trainer');
    await import('/ui/define.js?another-copy');
    return customElements.get('sgan-trainer') === before;
  });
  assert.equal(isSame, true);
  assert.deepEqual(violations, []);
});
