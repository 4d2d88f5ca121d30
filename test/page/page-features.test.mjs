/** The built site in browsers that lack a part of the platform, or throw at the look at it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveSite } from '../../scripts/lib/serve.mjs';
import { launchBrowser } from '../../scripts/lib/browser.mjs';
import { openPage, textOf, untilState } from './support/page.mjs';
import { serveData, smallData } from './support/small-data.mjs';

const TINY = {
  recipe: 'notebook',
  engine: 'wasm',
  threads: 2,
  batch: 10,
  labels: 100,
  evalEvery: 5,
  steps: 3,
};

/** Runs in a page or worker before anything else: makes `path` missing, or throw when it is read. */
function takeAway(path, how) {
  const names = path.split('.');
  const name = names.pop();
  let owner = globalThis;
  for (const step of names) owner = owner?.[step];
  if (owner === undefined || owner === null) return;
  // Getters of the platform lie on a prototype.
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  if (owner === null) return;
  if (how === 'missing') delete owner[name];
  else {
    Object.defineProperty(owner, name, {
      configurable: true,
      get() {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      },
    });
  }
}

const takingAway = (path, how) => `(${takeAway})(${JSON.stringify(path)}, ${JSON.stringify(how)});`;

/** The site, whose worker `/odd.js` runs `prelude()` before the real one. */
async function openOddSite(context) {
  const headers = { 'Cross-Origin-Resource-Policy': 'same-origin' };
  const data = serveData(new Map(Object.entries(await smallData())), headers);
  const odd = { prelude: '' };
  const site = await serveSite({
    intercept: (request, response) => {
      const scripts = {
        '/odd.js': "import './prelude.js';\nimport './worker/worker.js';",
        '/prelude.js': odd.prelude,
      };
      const script = scripts[request.url];
      if (script === undefined) return data(request, response);
      const type = { 'Content-Type': 'text/javascript', 'Cross-Origin-Embedder-Policy': 'require-corp' };
      response.writeHead(200, { ...type, ...headers }).end(script);
      return true;
    },
  });
  context.after(() => site.close());
  const browser = await launchBrowser({ purpose: 'test' });
  context.after(() => browser.close());
  return { url: site.url, browser, odd };
}

/** Trains to the end in a page and a worker with these preludes; the engine's report. */
async function train({ odd, url, browser }, { page: pagePrelude = '', worker = '' }, settings = TINY) {
  odd.prelude = worker;
  const context = await browser.createBrowserContext();
  const newPage = async () => {
    const page = await context.newPage();
    await page.evaluateOnNewDocument(pagePrelude);
    return page;
  };
  const { page, violations } = await openPage({ browser: { newPage }, url }, settings);
  await page.$eval('sgan-trainer', (trainer) => {
    trainer.workerUrl = '/odd.js';
    trainer.addEventListener('sgan-report', ({ detail }) => {
      if (detail.type === 'engine') window.engineReport = detail;
    });
    void trainer.start().catch(() => undefined);
  });
  await untilState(page, 'finished');
  const report = await page.evaluate(() => window.engineReport);
  assert.match(await textOf(page, '.figure'), /%$/);
  const samples = await page.$eval('sgan-trainer', async (trainer) => (await trainer.save('samples')).size);
  assert.ok(samples > 100);
  assert.deepEqual(violations, []);
  await context.close();
  return report;
}

/** What a trainer here may be without, page and worker alike. */
const FEATURES = [
  'AbortSignal.any',
  'URL.canParse',
  'navigator.gpu',
  'navigator.hardwareConcurrency',
  'navigator.locks',
  'indexedDB',
  'localStorage',
  'OffscreenCanvas',
];

for (const how of ['missing', 'throwing']) {
  test(`goes on without what is ${how}`, async (context) => {
    const site = await openOddSite(context);
    for (const feature of FEATURES) {
      await context.test(feature, async () => {
        const prelude = takingAway(feature, how);
        assert.equal((await train(site, { page: prelude, worker: prelude })).engine, 'wasm');
      });
    }
    const all = FEATURES.map((feature) => takingAway(feature, how)).join('\n');
    for (const [engine, expected] of [
      ['auto', 'wasm'],
      ['tfjs-wasm', 'tfjs-wasm'],
    ]) {
      await context.test(`all of it (${engine})`, async () => {
        const report = await train(site, { page: all, worker: all }, { ...TINY, engine });
        assert.equal(report.engine, expected);
      });
    }
  });
}

test('Web Locks that only the page or only the worker has end no run', async (context) => {
  const site = await openOddSite(context);
  const refusing = `navigator.locks.request = () => { throw new DOMException('No.', 'SecurityError'); };`;
  const rejecting = `navigator.locks.request = () => Promise.reject(new DOMException('No.', 'SecurityError'));`;
  for (const prelude of [takingAway('navigator.locks', 'missing'), refusing, rejecting]) {
    await train(site, { page: prelude });
    await train(site, { worker: prelude });
  }
});

/** Memory that is shared is made only where `allows(options)`, and `otherwise` instead. */
const sharingOnly = (allows, otherwise) => `{
  const Memory = WebAssembly.Memory;
  const allows = ${allows};
  WebAssembly.Memory = function (options) {
    if (!options.shared || allows(options)) return new Memory(options);
    ${otherwise}
  };
}`;
const REFUSE = `throw new RangeError('could not allocate memory');`;
const NO_GROWTH = `{
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer instanceof SharedArrayBuffer) throw new RangeError('no more');
    return grow.call(this, pages);
  };
}`;

test('threads share as much memory as the browser gives, and one goes on alone where it gives none', async (context) => {
  const site = await openOddSite(context);
  const alone = (limit) => ({ threads: 1, wanted: 2, limit });
  const cases = {
    'no 2 GB': [sharingOnly('({ maximum }) => maximum <= 16384', REFUSE), undefined],
    'only 256 MB': [sharingOnly('({ maximum }) => maximum <= 4096', REFUSE), undefined],
    'no shared memory at all': [sharingOnly('() => false', REFUSE), alone('sharedMemoryRefused')],
    'memory that is not shared after all': [
      sharingOnly('() => false', 'return new Memory({ initial: options.initial });'),
      alone('sharedMemoryRefused'),
    ],
    'shared memory that does not grow': [NO_GROWTH, alone('sharedMemoryRefused')],
    'no SharedArrayBuffer, though isolated': [
      takingAway('SharedArrayBuffer', 'missing'),
      alone('noSharedMemory'),
    ],
    'a SharedArrayBuffer that throws': [takingAway('SharedArrayBuffer', 'throwing'), alone('noSharedMemory')],
  };
  for (const [what, [worker, fewerThreads]] of Object.entries(cases)) {
    await context.test(what, async () => {
      assert.deepEqual((await train(site, { worker })).fewerThreads, fewerThreads);
    });
  }
});

test('WebGL that is missing or throws in workers is said so, by the engine that needs it', async (context) => {
  const site = await openOddSite(context);
  const preludes = {
    missing: takingAway('OffscreenCanvas', 'missing'),
    throwing: takingAway('OffscreenCanvas', 'throwing'),
    'without WebGL': `OffscreenCanvas.prototype.getContext = () => null;`,
    'whose look at WebGL throws': `OffscreenCanvas.prototype.getContext = () => { throw new Error('no'); };`,
  };
  for (const [what, prelude] of Object.entries(preludes)) {
    await context.test(what, async () => {
      site.odd.prelude = prelude;
      const { page } = await openPage(site, { ...TINY, engine: 'tfjs-webgl' });
      const error = await page.$eval('sgan-trainer', async (trainer) => {
        trainer.workerUrl = '/odd.js';
        await trainer.start().catch(() => undefined);
        return trainer.error;
      });
      assert.equal(error.kind, 'EngineUnavailable');
      assert.match(error.message, /offers no WebGL 2 in workers/);
      await page.close();
    });
  }
});
