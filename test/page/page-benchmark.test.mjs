/** The benchmark's page of the built site: the quick preset on the processor, cut short, as a person uses it. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inRoot } from '../../scripts/lib/paths.mjs';
import { openSite, untilWorkers } from './support/page.mjs';

const LIMIT_MS = 120_000;
const ELEMENT = 'sgan-benchmark';

/** Waits until `condition`, which the page runs, holds. Asks again and again: outside the element nothing changes. */
const until = (page, condition, ...given) =>
  page.waitForFunction(condition, { polling: 200, timeout: LIMIT_MS }, ...given);

/** Waits until something in the element is there. */
const untilThere = (page, selector) =>
  until(
    page,
    (wanted) => document.querySelector('sgan-benchmark')?.shadowRoot?.querySelector(wanted) ?? null,
    selector,
  );

async function click(page, selector) {
  const target = await (await untilThere(page, selector)).asElement();
  await target.click();
}

test('a quick benchmark is measured in the page, cancelled, kept, and opens again; the pages link to each other', async (context) => {
  const site = await openSite(context);
  const page = await site.browser.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (/content security policy|refused to/i.test(message.text())) problems.push(message.text());
  });
  await page.goto(site.url);
  await Promise.all([page.waitForNavigation(), page.click('nav a')]);
  assert.equal(new URL(page.url()).pathname, '/bench.html');

  await page.goto(`${site.url}bench.html?engines=wasmx1,tfjs-wasm&batch=10`);
  await untilThere(page, '.contenders');
  await click(page, '[part="start"]');
  await until(page, () => {
    const { isRunning, report } = document.querySelector('sgan-benchmark');
    const isMeasured = ({ msPerStep, failure }) => msPerStep !== null || failure !== null;
    return !isRunning || (report?.results.slice(0, 2).every(isMeasured) ?? false);
  });
  assert.equal(page.workers().length, 1, 'it computes in a worker of its own');
  await click(page, '[part="cancel"]');
  await until(page, () => !document.querySelector('sgan-benchmark').isRunning);
  // A cancelled benchmark computes no more.
  await untilWorkers(page, 0);

  const report = await page.$eval(ELEMENT, (element) => element.report);
  assert.deepEqual([report.recipe, report.batch, report.isComplete], ['notebook', 10, false]);
  assert.deepEqual(
    report.results.map(({ engine, threads, failure }) => [engine, threads, failure]),
    [
      ['wasm', 1, null],
      ['tfjs-wasm', null, null],
    ],
  );
  for (const { engine, msPerStep, steps, firstStepMs, difference } of report.results) {
    assert.ok(firstStepMs > 0 && msPerStep.min > 0 && msPerStep.min <= msPerStep.median, engine);
    assert.ok(steps >= 1, engine);
    // The yardstick computes the step that the engine does: the very parameters, images, latents and masks.
    for (const [kind, value] of Object.entries(difference))
      assert.ok(value < 1e-4, `${engine} ${kind} ${value}`);
  }
  assert.ok(report.arithmetic.multiplyAdds > 1e8);
  assert.ok(report.peaks.microKernel.plain.median > 0);
  assert.match(report.machine.browser, /^Chrome [\d.]+, Linux|^Chrome/);

  // The file opens beside what a fresh page has kept.
  await page.reload();
  await untilThere(page, '.history');
  await page.$eval(ELEMENT, (element, text) => element.open(text), JSON.stringify(report));
  await page.$eval(ELEMENT, (element, text) => element.open(text), JSON.stringify(report));
  await untilThere(page, '[part="compare"]');

  for (const width of [390, 1440]) {
    await page.setViewport({ width, height: 900 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `at ${width} pixels nothing is wider than the screen, not by ${overflow}`);
  }
  await page.evaluate(await readFile(inRoot('node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
  const violations = await page.evaluate(async () => {
    const found = await window.axe.run(document);
    return found.violations.map(
      ({ id, nodes }) => `${id} ${nodes.map(({ target }) => target.join(' ')).join()}`,
    );
  });
  assert.deepEqual(violations, []);
  await Promise.all([page.waitForNavigation(), page.click('nav a')]);
  await page.waitForSelector('sgan-trainer:defined');
  assert.deepEqual(problems, []);
});

test('each bundle of the benchmark has only its own side', async () => {
  const inputsOf = async (bundle, output) => {
    const { outputs } = JSON.parse(await readFile(inRoot('.cache', `metafile-${bundle}.json`), 'utf8'));
    const seen = new Set();
    const visit = (file) => {
      if (seen.has(file)) return;
      seen.add(file);
      // What is loaded at once; the rest comes when it is asked for.
      for (const { path, kind, external } of outputs[file].imports) {
        if (kind === 'import-statement' && external !== true) visit(path);
      }
    };
    visit(Object.keys(outputs).find((file) => file.endsWith(output)));
    return [...seen].flatMap((file) => Object.keys(outputs[file].inputs));
  };
  const isForeign = (file) => /^src\/worker\/|sgan-trainer\.ts$|@tensorflow|uplot/.test(file);
  const element = await inputsOf('ui', '/define-benchmark.js');
  assert.ok(element.includes('src/ui/benchmark/sgan-benchmark.ts'));
  assert.deepEqual(element.filter(isForeign), []);
  assert.deepEqual((await inputsOf('page', '/bench-page.js')).filter(isForeign), []);
  const isBenchmark = (file) =>
    file.startsWith('src/ui/benchmark/') || file.startsWith('src/worker/benchmark/');
  for (const [bundle, output] of [
    ['ui', '/define.js'],
    ['page', '/page.js'],
    ['worker', '/worker.js'],
  ]) {
    assert.deepEqual((await inputsOf(bundle, output)).filter(isBenchmark), [], output);
  }
  const worker = await inputsOf('benchmark', '/benchmark.js');
  assert.ok(worker.includes('src/worker/benchmark/run-benchmark.ts'));
  assert.ok(!worker.some((file) => file.startsWith('src/ui/')));
});
