/** The built site under other rules than its own: Trusted Types, isolation by halves, files from elsewhere. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchBrowser } from '../../scripts/lib/browser.mjs';
import { HEADERS, serveSite } from '../../scripts/lib/serve.mjs';
import { openPage, SMALL_WASM, untilState, untilThere } from './support/page.mjs';
import { serveData, smallData } from './support/small-data.mjs';

const WASM = { ...SMALL_WASM, steps: 20 };

const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** The site on small data with other headers, and a browser; both end with the test. */
async function openSiteWith(context, { headersFor, intercept = () => false, dataHeaders = {} }) {
  const headers = { 'Cross-Origin-Resource-Policy': 'same-origin', ...dataHeaders };
  const data = serveData(new Map(Object.entries(await smallData())), headers);
  const site = await serveSite({
    headersFor,
    intercept: (request, response) => intercept(request, response) || data(request, response),
  });
  context.after(() => site.close());
  const browser = await launchBrowser({ purpose: 'test' });
  context.after(() => browser.close());
  return { url: site.url, browser };
}

/** One update, and what the element says of it. */
async function step(page) {
  // In the background, since the browser's protocol gives a call a limited time.
  await page.$eval('sgan-trainer', (trainer) => {
    trainer.addEventListener('sgan-report', ({ detail }) => {
      if (detail.type === 'engine') window.engineReport = detail;
    });
    void trainer.step().catch(() => undefined);
  });
  await untilState(page, 'paused');
  return page.evaluate(() => window.engineReport);
}

/** What a start that must fail ends with. */
function failure(page) {
  return page.$eval('sgan-trainer', async (trainer) => {
    await trainer.start().catch(() => undefined);
    return trainer.error;
  });
}

const TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types sgan-trainer lit-html";

test('where Trusted Types are demanded it trains, on threads too', async (context) => {
  const policy = `${HEADERS['Content-Security-Policy']}; ${TRUSTED_TYPES}`;
  const site = await openSiteWith(context, {
    headersFor: () => ({ ...HEADERS, 'Content-Security-Policy': policy }),
  });
  const { page, violations } = await openPage(site, WASM);
  const report = await step(page);
  assert.match(report.adapter, /2 threads/);
  assert.equal(report.fewerThreads, undefined);
  assert.deepEqual(violations, []);
});

test('where Trusted Types are demanded and nothing else, it trains', async (context) => {
  const site = await openSiteWith(context, {
    headersFor: () => ({ 'Content-Security-Policy': TRUSTED_TYPES }),
  });
  const { page, violations } = await openPage(site, { ...WASM, engine: 'tfjs-wasm' });
  await step(page);
  assert.deepEqual(violations, []);
});

test('a TrustedScriptURL is passed through where the own policy is not allowed, text is refused', async (context) => {
  const policy = "require-trusted-types-for 'script'; trusted-types lit-html host";
  const site = await openSiteWith(context, {
    // The worker's own response has its own policy.
    headersFor: (path) => (path.startsWith('/worker/') ? {} : { 'Content-Security-Policy': policy }),
  });
  const { page } = await openPage(site, WASM);
  const error = await failure(page);
  assert.equal(error.kind, 'WorkerUnavailable');
  assert.match(
    error.message,
    /worker\/worker\.js may not be started.*policy "sgan-trainer".*TrustedScriptURL/,
  );
  await page.$eval('sgan-trainer', async (trainer) => {
    await trainer.reset();
    const host = window.trustedTypes.createPolicy('host', { createScriptURL: (url) => url });
    trainer.workerUrl = host.createScriptURL('worker/worker.js');
  });
  await step(page);
});

test('the own policy vouches for no script of another origin', async (context) => {
  const site = await openSiteWith(context, {
    headersFor: () => ({ 'Content-Security-Policy': TRUSTED_TYPES }),
  });
  const { page } = await openPage(site, WASM);
  await page.$eval('sgan-trainer', (trainer) =>
    trainer.setAttribute('worker-url', 'https://example.org/x.js'),
  );
  const error = await failure(page);
  assert.match(error.message, /example\.org\/x\.js may not be started/);
});

test('a worker that lacks the page’s embedder policy is told by the header’s name', async (context) => {
  const pages = { isolated: ISOLATED, 'not isolated': { 'Cross-Origin-Embedder-Policy': 'credentialless' } };
  for (const [what, headers] of Object.entries(pages)) {
    await context.test(what, async (inner) => {
      const site = await openSiteWith(inner, {
        headersFor: (path) => (path.startsWith('/worker/') ? {} : headers),
      });
      const { page } = await openPage(site, WASM);
      const error = await failure(page);
      assert.equal(error.kind, 'WorkerUnavailable');
      assert.match(error.message, /worker\.js cannot be started.*Cross-Origin-Embedder-Policy: require-corp/);
    });
  }
});

test('a worker’s script that is not there, or of another type, is told as such', async (context) => {
  const site = await openSiteWith(context, { headersFor: () => HEADERS });
  const { page } = await openPage(site, WASM);
  const messages = {};
  for (const url of ['no/such.js', 'index.html', 'http://localhost:1/worker.js']) {
    messages[url] = await page.$eval(
      'sgan-trainer',
      async (trainer, workerUrl) => {
        await trainer.reset();
        trainer.workerUrl = workerUrl;
        await trainer.start().catch(() => undefined);
        return trainer.error.message;
      },
      url,
    );
  }
  assert.match(messages['no/such.js'], /The server answers 404/);
  assert.match(messages['index.html'], /"text\/html.*; it has to be text\/javascript/);
  // The site's own policy allows no blob, and says so at once or through the event.
  assert.match(messages['http://localhost:1/worker.js'], /may not be started|cannot be started/);
});

test('a page that is not isolated trains on one thread and says why', async (context) => {
  const site = await openSiteWith(context, { headersFor: () => ({}) });
  const { page } = await openPage(site, WASM);
  const { adapter, fewerThreads } = await step(page);
  assert.match(adapter, /1 thread$/);
  assert.deepEqual(fewerThreads, { threads: 1, wanted: 2, limit: 'notIsolated' });
  const chip = await untilThere(page, '[part="engine"]');
  await chip.click();
  const text = await (await untilThere(page, '.engine .threads')).evaluate((line) => line.textContent);
  assert.match(text, /1 of 2 threads: .*cross-origin isolated.*Cross-Origin-Opener-Policy/);
});

test('threads whose script is refused are told, and the run goes on without them', async (context) => {
  const site = await openSiteWith(context, {
    headersFor: (path) => (path.startsWith('/worker/thread.js') ? {} : HEADERS),
  });
  const { page } = await openPage(site, WASM);
  assert.deepEqual((await step(page)).fewerThreads, { threads: 1, wanted: 2, limit: 'notStarted' });
});

/** An isolated page that embeds the element of `origin`. */
const embedding = (origin) => (request, response) => {
  if (!request.url.startsWith('/embedded.html')) return false;
  response.writeHead(200, { 'Content-Type': 'text/html', ...ISOLATED });
  response.end(`<!doctype html><title>A course</title>
    <script type="module" src="${origin}ui/define.js"></script><sgan-trainer></sgan-trainer>`);
  return true;
};

test('files of another origin train on all threads in an isolated page', async (context) => {
  const shared = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
  const files = await openSiteWith(context, { headersFor: () => shared, dataHeaders: shared });
  const course = await serveSite({ intercept: embedding(files.url) });
  context.after(() => course.close());
  const { page } = await openPage({ ...files, url: course.url }, {}, 'embedded.html');
  await page.$eval('sgan-trainer', (trainer, settings) => void (trainer.settings = settings), WASM);
  const { adapter, fewerThreads } = await step(page);
  assert.match(adapter, /2 threads$/);
  assert.equal(fewerThreads, undefined);
});
