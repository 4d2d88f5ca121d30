/** The built site in browsers that lack a part of the platform, or throw at the look at it. */

import assert from 'node:assert/strict';
import { launchBrowser } from '../../../scripts/lib/browser.mjs';
import { serveSite } from '../../../scripts/lib/serve.mjs';
import { openPage, SMALL_WASM, textOf, untilState } from './page.mjs';
import { serveData, smallData } from './small-data.mjs';

export const TINY = { ...SMALL_WASM, steps: 3 };

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

export const takingAway = (path, how) => `(${takeAway})(${JSON.stringify(path)}, ${JSON.stringify(how)});`;

/** The site, whose worker `/odd.js` runs `prelude()` before the real one. */
export async function openOddSite(context) {
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
export async function train({ odd, url, browser }, { page: pagePrelude = '', worker = '' }, settings = TINY) {
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
export const FEATURES = [
  'AbortSignal.any',
  'URL.canParse',
  'navigator.gpu',
  'navigator.hardwareConcurrency',
  'navigator.locks',
  'indexedDB',
  'localStorage',
  'OffscreenCanvas',
];
