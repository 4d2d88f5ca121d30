/** Hosts of the packed package: folders outside the project, built as a person builds them, and a browser in them. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { launchBrowser } from '../../../scripts/lib/browser.mjs';
import { buildPackageFiles, packInto } from '../../../scripts/lib/package.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { serveSite } from '../../../scripts/lib/serve.mjs';
import { smallData } from '../../page/support/small-data.mjs';

const run = promisify(execFile);

/** A run small enough for a test. */
export const SMALL = {
  recipe: 'notebook',
  engine: 'wasm',
  batch: 10,
  labels: 100,
  evalEvery: 5,
  steps: 2000,
};

/** What makes a page isolated, so that threads run. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** What a content network sends. */
export const SHARED = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };

/** A folder outside the project that ends with the test. */
export async function makeFolder(context) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sgan-embed-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

let tarball;

/** The packed package, packed once a process. The site is built by what runs the tests. */
export function packed() {
  tarball ??= (async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'sgan-packed-'));
    process.once(
      'exit',
      () => void spawn(process.execPath, ['-e', REMOVE, folder], { detached: true }).unref(),
    );
    await buildPackageFiles();
    return packInto(folder);
  })();
  return tarball;
}

const REMOVE = `require('node:fs').rmSync(process.argv[1], { recursive: true, force: true })`;

export async function npm(args, cwd) {
  const { npm_execpath: script } = process.env;
  const [command, given] = script === undefined ? ['npm', args] : [process.execPath, [script, ...args]];
  // Of the run of npm that we are in nothing is meant for this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/.test(name)),
  );
  return run(command, given, { cwd, env, maxBuffer: 2 ** 26 });
}

/** Installs the tarball in a folder that depends on nothing else; needs no registry. */
export async function installAlone(folder) {
  const file = path.join(folder, 'package.json');
  const { name = 'host' } = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
  await writeFile(file, `${JSON.stringify({ name, private: true, type: 'module' })}\n`);
  await npm(['install', '--offline', '--no-audit', '--no-fund', '--no-package-lock', await packed()], folder);
}

/** An example in a folder outside the project. */
export async function copyExample(context, name) {
  const folder = await makeFolder(context);
  await cp(inRoot('examples', name), folder, { recursive: true });
  return folder;
}

/** Lets an app's script define the benchmark's element too. */
export async function importBenchmark(folder) {
  const file = path.join(folder, 'main.js');
  await writeFile(file, `import 'sgan-trainer/benchmark';\n${await readFile(file, 'utf8')}`);
}

/**
 * An example with its dependencies and the packed package installed, and built where it is built; with `hasBenchmark`
 * its script defines that element as well.
 */
export async function buildExample(context, name, { hasBenchmark = false } = {}) {
  const folder = await copyExample(context, name);
  if (hasBenchmark) await importBenchmark(folder);
  const file = path.join(folder, 'package.json');
  const description = JSON.parse(await readFile(file, 'utf8'));
  description.dependencies['sgan-trainer'] = `file:${await packed()}`;
  await writeFile(file, JSON.stringify(description));
  await npm(['install', '--no-audit', '--no-fund', '--no-package-lock'], folder);
  if (description.scripts?.build !== undefined) await npm(['run', 'build'], folder);
  return folder;
}

/** Small data as files of a folder. */
export async function writeSmallData(folder) {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(await smallData())) {
    await writeFile(path.join(folder, name), gzipSync(bytes));
  }
}

/** Serves a folder with these headers, below `under` of its server; ends with the test. Returns its URL. */
export async function serveFolder(context, root, { headers = {}, under = '' } = {}) {
  const site = await serveSite({
    root,
    headersFor: () => headers,
    intercept: (request) => {
      // A sub-path is a folder that is not there.
      if (under !== '')
        request.url = request.url.startsWith(`/${under}/`) ? request.url.slice(under.length + 1) : '/none';
      return false;
    },
  });
  context.after(() => site.close());
  return under === '' ? site.url : `${site.url}${under}/`;
}

/**
 * A page at `url` in a browser of its own, once the element is defined. `seen` fills with the addresses that it
 * and its workers ask for, `said` with its console, `thrown` with its errors.
 */
export async function openHost(context, url, { element = 'sgan-trainer' } = {}) {
  const browser = await launchBrowser({ purpose: 'test' });
  context.after(() => browser.close());
  const page = await browser.newPage();
  const [seen, said, thrown] = [[], [], []];
  page.on('request', (request) => seen.push(request.url()));
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => thrown.push(error.message));
  // Leaving a run asks first on the site's page; nobody is there to answer.
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  await page.goto(url);
  // The page may be loaded once more meanwhile, which this outlives.
  const isThere = (selector) => document.querySelector(selector) !== null;
  await page.waitForFunction(isThere, { polling: 100, timeout: 60_000 }, `${element}:defined`);
  return { page, seen, said, thrown };
}

/** Makes one step and returns what the worker told of its engine. Fails with the trainer's own words. */
export async function trainOnce(page, settings = SMALL) {
  const outcome = await page.$eval(
    'sgan-trainer',
    async (trainer, given) => {
      let engine = null;
      trainer.addEventListener('sgan-report', ({ detail }) => {
        if (detail.type === 'engine') engine = detail;
      });
      trainer.settings = given;
      try {
        return { state: await trainer.step(), engine };
      } catch (error) {
        return { error: `${error.name}: ${error.message}` };
      }
    },
    settings,
  );
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.state, 'paused');
  return outcome.engine;
}

/** Measures these engines with a benchmark's element, until each has been timed; fails with what it says. */
export async function measureOnce(page, engines) {
  await page.waitForFunction(() => customElements.get('sgan-benchmark') !== undefined, { polling: 100 });
  const outcome = await page.evaluate(async (chosen) => {
    const benchmark = document.createElement('sgan-benchmark');
    const trainer = document.querySelector('sgan-trainer');
    benchmark.setAttribute('data-url', trainer.getAttribute('data-url'));
    // Where the host has to name the worker's script, the benchmark's lies beside it.
    const workerUrl = trainer.getAttribute('worker-url');
    if (workerUrl !== null)
      benchmark.setAttribute('worker-url', new URL('benchmark.js', new URL(workerUrl, document.baseURI)));
    document.body.append(benchmark);
    benchmark.settings = { recipe: 'notebook', batch: 10, engines: chosen };
    const isDone = ({ failure, msPerStep }) => failure !== null || msPerStep !== null;
    const polling = setInterval(() => {
      const { report, isRunning } = benchmark;
      const taking = report?.results.slice(0, chosen.length) ?? [];
      if (isRunning && taking.length === chosen.length && taking.every(isDone)) benchmark.cancel();
    }, 100);
    try {
      const { results } = await benchmark.start();
      return { results: results.slice(0, chosen.length) };
    } catch (error) {
      return { error: `${error.name}: ${error.message}` };
    } finally {
      clearInterval(polling);
      benchmark.remove();
    }
  }, engines);
  assert.equal(outcome.error, undefined);
  const labels = outcome.results.map(({ engine, threads, failure }) => [
    threads === null ? engine : `${engine} x${threads}`,
    failure,
  ]);
  assert.deepEqual(
    labels,
    engines.map((engine) => [engine, null]),
  );
  // Each computes the very step that the others do.
  for (const { difference } of outcome.results) assert.ok(difference.gradients < 1e-3);
}
