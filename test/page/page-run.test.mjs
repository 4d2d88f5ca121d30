/** The real page, driven as a person would, from an empty screen to a finished run. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import {
  click,
  openPage,
  openSite,
  pictureOf,
  PRIMARY,
  RESET,
  SMALL,
  stateOf,
  STEP,
  stepOf,
  textOf,
  untilPictureChanges,
  untilState,
  untilStep,
  untilText,
  untilThere,
} from './support/page.mjs';

test('a person starts, watches, pauses, steps, resets and starts another recipe', async (context) => {
  const site = await openSite(context);
  const { page, violations } = await openPage(site);
  assert.equal(page.workers().length, 0, 'no worker before the first command');

  await click(page, PRIMARY);
  await untilState(page, 'running');
  await untilText(page, '.figure', /%$/);
  await untilStep(page, 6);
  const [digits, chart] = [await pictureOf(page, '#digits'), await pictureOf(page, '#accuracy-chart canvas')];
  await untilPictureChanges(page, '#digits', digits);
  await untilPictureChanges(page, '#accuracy-chart canvas', chart);
  assert.match(await textOf(page, '[part="engine"]'), /WebAssembly/);

  await click(page, PRIMARY);
  await untilState(page, 'paused');
  const paused = await stepOf(page);
  await click(page, STEP);
  await untilText(page, '.notice', new RegExp(`Paused at step ${paused + 1}\\.`));

  await click(page, PRIMARY);
  await untilState(page, 'running');
  await untilStep(page, paused + 3);

  await click(page, RESET);
  await untilState(page, 'ready');
  assert.equal(await stepOf(page), 0);
  assert.equal(await textOf(page, '.figure'), '–');

  await (await untilThere(page, '#recipe')).select('labels-only');
  assert.match(page.url(), /recipe=labels-only/);
  await click(page, PRIMARY);
  await untilState(page, 'running');
  await untilText(page, '.figure', /%$/);
  assert.match(await textOf(page, '.no-generator'), /No generator/);
  assert.equal(page.workers().length, 1);
  assert.deepEqual(violations, []);
});

test('a run ends with its figure, can be continued, and stands in the address', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { ...SMALL, steps: 4, autostart: '' });
  await untilState(page, 'finished');
  assert.match(await textOf(page, '.notice'), /% on the test images after 4 steps in/);
  assert.match(await page.title(), /% – sgan-trainer$/);
  await click(page, '[data-action="continue"]');
  await untilText(page, '.notice', /after 8 steps/);
  const { searchParams } = new URL(page.url());
  assert.equal(searchParams.get('steps'), '8');
  assert.equal(searchParams.get('engine'), 'tfjs-wasm');
  assert.ok(searchParams.has('autostart'));
});

test('an address with a setting that is not allowed is told, and the rest of it counts', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { labels: '0', batch: '10', seed: 'one' });
  await untilText(page, '[part~="banner"]', /A setting is not allowed/);
  assert.deepEqual(
    await page.$eval('sgan-trainer', ({ settings }) => [settings.labels, settings.batch]),
    [100, 10],
  );
});

test('a wrong setting in the address starts nothing, and stays in view until it is mended', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { ...SMALL, steps: '-5', autostart: '' });
  await untilText(page, '[part~="banner"]', /Setting "steps" is -5; allowed: whole numbers from 1/);
  const inForm = () =>
    page.$eval('sgan-trainer', ({ shadowRoot }) => shadowRoot.querySelector('#steps').value);
  assert.equal(await stateOf(page), 'idle');
  assert.equal(page.workers().length, 0);
  assert.equal(await inForm(), '-5');
  await page.$eval('sgan-trainer', (trainer) => (trainer.seed = 7));
  const parameters = () => new URL(page.url()).searchParams;
  assert.equal(parameters().get('seed'), '7');
  assert.equal(parameters().get('steps'), '-5');
  assert.equal(await inForm(), '-5');
  // Also where the value given is the one in force.
  await page.$eval('sgan-trainer', (trainer) => (trainer.steps = 20_000));
  assert.equal(parameters().has('steps'), false);
  assert.equal(await inForm(), '20000');
});

test('few labels go through all stages, told in words and on a map, and a load brings the evaluations back', async (context) => {
  const site = await openSite(context);
  const few = { engine: 'wasm', batch: 10, labels: 20, evalEvery: 2, steps: 15 };
  const { page, violations } = await openPage(site, few);
  const map = '#feature-map';
  const labelOf = (selector) =>
    page.$eval(
      'sgan-trainer',
      ({ shadowRoot }, wanted) => shadowRoot.querySelector(wanted).getAttribute('aria-label'),
      selector,
    );
  assert.match(
    await textOf(page, '.run-stages ol'),
    /1\. Look 0 of 6 .*2\. Spread 0 of 2 .*3\. Learn 0 of 5 .*4\. Draw 0 of 2/,
  );

  await click(page, STEP);
  await untilState(page, 'paused');
  await untilText(page, '.present-words', /No label is used yet/);
  await untilText(page, '.feature-map figcaption', /step 1$/);
  // The labels are spread over them already.
  assert.match(await labelOf(map), /^Map of 400 images at step 1; .* 0: \d+, .* 9: \d+\.$/);
  const looked = await pictureOf(page, map);

  await page.$eval('sgan-trainer', async (trainer) => {
    while (trainer.lastReport.step < 7) await trainer.step();
  });
  await untilText(
    page,
    '.present-words',
    /passed on to the images most like.*Of \d+ labels hidden one at a time/,
  );
  await untilText(page, '.feature-map figcaption', /step 6$/);
  await untilPictureChanges(page, map, looked);

  await click(page, PRIMARY);
  await untilState(page, 'finished');
  await untilText(page, '.present-words', /goes on learning.*It is sure of \d+% of the images/);
  assert.match(
    await textOf(page, '.run-stages ol'),
    /Look 6 of 6 .*Spread 2 of 2 .*Learn 5 of 5 .*Draw 2 of 2/,
  );
  assert.match(await textOf(page, '.notice'), /% on the test images after 15 steps/);
  for (const width of [320, 390, 600, 900]) {
    await page.setViewport({ width, height: 800 });
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(overflow, 0, `at ${width} px`);
  }
  const evaluated = await labelOf('#accuracy-chart');
  assert.match(evaluated, /over 6 evaluations: .* at step 7, /);

  await page.$eval('sgan-trainer', async (trainer) => trainer.load(await trainer.save()));
  await untilText(page, '.accuracy', /points since step 14/);
  assert.equal(await labelOf('#accuracy-chart'), evaluated);
  assert.deepEqual(violations, []);
});

test('leaving asks first while a run is under way, and only then', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  const questions = [];
  page.on('dialog', (dialog) => questions.push(dialog.type()));
  await page.reload();
  await page.waitForSelector('sgan-trainer:defined');
  assert.deepEqual(questions, []);
  // Browsers ask only where the page was touched.
  await click(page, PRIMARY);
  await untilState(page, 'running');
  await page.reload();
  assert.deepEqual(questions, ['beforeunload']);
});

test('saved on the page, a checkpoint goes on in another page, at its step and with its settings', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { ...SMALL, seed: 3 });
  await click(page, STEP);
  await untilState(page, 'paused');
  const saved = await page.$eval('sgan-trainer', async (trainer) => {
    const sizes = {};
    for (const kind of ['model', 'samples', 'metrics']) sizes[kind] = (await trainer.save(kind)).size;
    const checkpoint = await trainer.save();
    return {
      sizes,
      name: checkpoint.name,
      bytes: Array.from(new Uint8Array(await checkpoint.arrayBuffer())),
    };
  });
  for (const [kind, size] of Object.entries(saved.sizes)) assert.ok(size > 50, `${kind} has ${size} bytes`);
  assert.equal(saved.name, 'sgan-notebook-seed3-step1-checkpoint.safetensors');

  const other = await openPage(site, {});
  await other.page.$eval(
    'sgan-trainer',
    (trainer, bytes) => trainer.load(new Uint8Array(bytes)),
    saved.bytes,
  );
  assert.equal(await stateOf(other.page), 'paused');
  assert.equal(await other.page.$eval('sgan-trainer', ({ settings }) => settings.seed), 3);
  await untilText(other.page, '.position', /^step 1 of 2,000$/);
  assert.match(other.page.url(), /seed=3/);
});

test('a foreign file and a truncated checkpoint are refused, and nothing changes', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  await click(page, STEP);
  await untilState(page, 'paused');
  const load = (cut) =>
    page.$eval(
      'sgan-trainer',
      async (trainer, isCut) => {
        const bytes = isCut ? (await trainer.save()).slice(0, 5000) : new Uint8Array(5000);
        return trainer.load(bytes).catch(({ name }) => name);
      },
      cut,
    );
  assert.equal(await load(false), 'InvalidCheckpoint');
  assert.equal(await load(true), 'InvalidCheckpoint');
  assert.equal(await stateOf(page), 'paused');
  assert.match(await textOf(page, '[part~="banner"]'), /cannot be loaded/);
  await click(page, STEP);
  await untilText(page, '.position', /^step 2 of/);
});

test('nothing leaves the origin, and the content policy refuses nothing', async (context) => {
  // A browser asks the proxy for everything that is not on localhost.
  const asked = [];
  const proxy = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(502).end();
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url);
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  context.after(() => proxy.close());
  const site = await openSite(context, { args: [`--proxy-server=127.0.0.1:${proxy.address().port}`] });
  const { page, violations } = await openPage(site);
  await page.evaluate(() => {
    window.refused = [];
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
      window.refused.push(`${violatedDirective} ${blockedURI}`);
    });
  });
  asked.length = 0;
  await click(page, STEP);
  await untilState(page, 'paused');
  await page.$eval('sgan-trainer', (trainer) => trainer.save('model'));
  assert.deepEqual(asked, []);
  assert.deepEqual(violations, []);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  // The check itself: what does leave is seen, and what is refused is told.
  await page.evaluate(() => fetch('http://example.invalid/').catch(() => undefined));
  assert.match((await page.evaluate(() => window.refused)).join(), /connect-src http:\/\/example\.invalid/);
  const foreign = await site.browser.newPage();
  await foreign.goto('http://example.invalid/').catch(() => undefined);
  assert.ok(asked.some((url) => url.includes('example.invalid')));
});
