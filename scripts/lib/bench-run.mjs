/**
 * Where the benchmark runs: bundles bench/harness, and drives it in a headless browser or, through
 * the npm package `webgpu`, on Dawn in this very process. Owns what the events of a run come to.
 */

import { copyFile, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import esbuild from 'esbuild';
import { bundles } from '../../esbuild.config.mjs';
import { ensureData } from './data.mjs';
import { UsageError } from './main.mjs';
import { commandLine, quoteWord } from './invocation.mjs';
import { importForNode } from './node-bundle.mjs';
import { importSource } from './source-modules.mjs';
import { withTemporaryFolder } from './temporary.mjs';

const { emptyResult } = await importSource('src/protocol/benchmark/report.ts');
const { contenderLabel } = await importSource('src/protocol/benchmark/contenders.ts');

const POLL_MS = 500;
const PAGE =
  '<!doctype html><html lang="en"><title>Benchmark</title><script type="module" src="page.js"></script></html>\n';

async function buildPage(folder) {
  const { WASM_BINARIES, wasmBinaryPath } = await import('./site.mjs');
  const { KERNEL_BINARIES, buildKernels, kernelBinaryPath } = await import('./wasm-kernels.mjs');
  await buildKernels();
  await esbuild.build({
    ...bundles.worker,
    metafile: false,
    entryPoints: [
      { in: 'bench/harness/page.ts', out: 'page' },
      { in: 'bench/harness/worker.ts', out: 'worker' },
      { in: 'src/worker/engine/wasm/threads/thread.ts', out: 'thread' },
    ],
    outdir: folder,
  });
  const binaries = [...WASM_BINARIES.map(wasmBinaryPath), ...KERNEL_BINARIES.map(kernelBinaryPath)];
  await Promise.all(binaries.map((binary) => copyFile(binary, path.join(folder, path.basename(binary)))));
  await symlink(await ensureData(), path.join(folder, 'data'), 'junction');
  await writeFile(path.join(folder, 'index.html'), PAGE);
}

/** What the events of a run come to, and the lines to print meanwhile. */
export class Gathered {
  results;
  peaks = { adapter: null, microKernel: null };
  ground = null;
  isDone = false;
  #contenders;
  #log;
  #told = new Map();

  constructor(contenders, log) {
    this.#contenders = contenders;
    this.#log = log;
    this.results = contenders.map((contender) => emptyResult(contender));
  }

  /** Throws a UsageError where the whole run has failed. */
  take(event) {
    if (event.type === 'error') throw new UsageError(event.message);
    if (event.type === 'ground') this.ground = event.ground;
    else if (event.type === 'peaks') this.peaks = event.peaks;
    else if (event.type === 'result') this.#takeResult(event.index, event.result);
    else if (event.type === 'done') this.isDone = true;
  }

  #takeResult(index, result) {
    this.results[index] = result;
    const name = contenderLabel(this.#contenders[index]);
    const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
    const say = (key, line) => {
      if (this.#told.has(`${index} ${key}`)) return;
      this.#told.set(`${index} ${key}`, line);
      this.#log(`${name}: ${line}`);
    };
    if (result.failure !== null) return say('failure', result.failure);
    if (result.firstStepMs !== null) say('first', `first step after ${seconds(result.firstStepMs)}`);
    if (result.evaluationMs !== null) {
      say('evaluation', `evaluated ${result.evaluationImages} images in ${seconds(result.evaluationMs)}`);
    }
  }
}

/**
 * Runs the orders in a browser; the installed one first, since that has the GPU. `wantsInputs`: a step's inputs
 * as well, for yardsticks outside.
 */
export function benchInBrowser(orders, wantsInputs, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const { describeBrowser, launchBrowser, usesWideVectors } = await import('./browser.mjs');
    // As browsers are by themselves, unless told.
    const hasWideVectors = usesWideVectors(false);
    const { serveSite } = await import('./serve.mjs');
    await buildPage(folder);
    const server = await serveSite({ root: folder });
    try {
      const browser = await launchBrowser({ purpose: 'compute', hasWideVectors });
      try {
        const [page] = await browser.pages();
        await page.goto(server.url);
        await page.waitForFunction(() => window.startBench !== undefined);
        const gathered = new Gathered(orders.contenders, log);
        await page.evaluate((given) => window.startBench(given), orders);
        await follow(page, gathered);
        const inputs = wantsInputs ? await readInputs(page, orders.recipe) : null;
        const description = await describeBrowser(browser, hasWideVectors);
        return { browser: description, isIsolated: true, inputs, ...gathered };
      } finally {
        await browser.close();
      }
    } finally {
      await server.close();
    }
  });
}

/** A call into the page has a time limit, so the page is asked again and again. */
async function follow(page, gathered) {
  for (;;) {
    for (const event of await page.evaluate(() => window.takeEvents())) gathered.take(event);
    if (gathered.isDone) return;
    await delay(POLL_MS);
  }
}

/** The inputs of a step; their arrays are too large for one answer. */
async function readInputs(page, recipe) {
  await page.evaluate((given) => window.startInputs(given), recipe);
  for (;;) {
    for (const event of await page.evaluate(() => window.takeEvents())) {
      if (event.type === 'error') throw new UsageError(event.message);
    }
    const inputs = await page.evaluate(() => window.describeInputs());
    if (inputs === null) {
      await delay(POLL_MS);
      continue;
    }
    for (const [index, array] of inputs.arrays.entries()) {
      array.bytes = Buffer.from(await page.evaluate((wanted) => window.inputBytes(wanted), index), 'base64');
    }
    return inputs;
  }
}

/** Dawn's GPU object. Throws a UsageError where it finds no adapter, with what to do. */
async function openDawn() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  if ((await gpu.requestAdapter()) !== null) return gpu;
  const { hasPackedChromium, packedChromium } = await import('./packed-chromium.mjs');
  const advice = 'Dawn for Node found no GPU adapter; it needs a driver of Vulkan, Metal or Direct3D 12.';
  if (!hasPackedChromium()) throw new UsageError(advice);
  const folder = path.dirname((await packedChromium(console.error)).executablePath);
  const icd = path.join(folder, 'vk_swiftshader_icd.json');
  throw new UsageError(
    `${advice} The packed Chromium has one in software: ` +
      `LD_LIBRARY_PATH=${quoteWord(folder)} VK_ICD_FILENAMES=${quoteWord(icd)} ` +
      commandLine('bench', ['--runtime', 'dawn']),
  );
}

/** Runs the orders on Dawn, without a browser. */
export async function benchOnDawn(orders, wantsInputs, log) {
  const gpu = await openDawn();
  return withTemporaryFolder('bench', async (folder) => {
    const { runOnDawn } = await importForNode('bench/harness/dawn.ts', folder);
    const data = await ensureData();
    const read = async (url) =>
      new globalThis.Response(await readFile(path.join(data, path.basename(new URL(url).pathname))));
    const gathered = new Gathered(orders.contenders, log);
    await runOnDawn(orders, gpu, read, (event) => gathered.take(event));
    return {
      browser: `Dawn for Node, Node ${process.version}`,
      isIsolated: false,
      inputs: null,
      ...gathered,
    };
  });
}
