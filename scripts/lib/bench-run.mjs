/**
 * Where the benchmark runs: bundles bench/harness, and drives it in a headless browser or, through
 * the npm package `webgpu`, on Dawn in this very process.
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
import { withTemporaryFolder } from './temporary.mjs';

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

/** Runs the orders in a browser; the installed one first, since that has the GPU. */
export function benchInBrowser(orders, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const { launchBrowser } = await import('./browser.mjs');
    const { serveSite } = await import('./serve.mjs');
    await buildPage(folder);
    const server = await serveSite({ root: folder });
    try {
      const browser = await launchBrowser({ purpose: 'compute' });
      try {
        const [page] = await browser.pages();
        await page.goto(server.url);
        await page.waitForFunction(() => window.startBench !== undefined);
        await page.evaluate((given) => window.startBench(given), orders);
        return { browser: await browser.version(), ...(await follow(page, log)) };
      } finally {
        await browser.close();
      }
    } finally {
      await server.close();
    }
  });
}

/** A call into the page has a time limit, so the page is asked again and again. */
async function follow(page, log) {
  for (;;) {
    const { lines, error, isDone } = await page.evaluate(() => {
      const { lines, error, outcome } = window.progress;
      return { lines: lines.splice(0), error, isDone: outcome !== null };
    });
    lines.forEach((line) => log(line));
    if (error !== null) throw new UsageError(error);
    if (isDone) return readOutcome(page);
    await delay(POLL_MS);
  }
}

/** What was measured; the arrays of a step's inputs are too large for one answer. */
async function readOutcome(page) {
  const outcome = await page.evaluate(() => {
    const { inputs, ...rest } = window.progress.outcome;
    const arrays = inputs?.arrays.map(({ name, shape }) => ({ name, shape }));
    return { ...rest, inputs: inputs && { ...inputs, arrays } };
  });
  for (const [index, array] of (outcome.inputs?.arrays ?? []).entries()) {
    array.bytes = Buffer.from(await page.evaluate((wanted) => window.inputBytes(wanted), index), 'base64');
  }
  return outcome;
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
export async function benchOnDawn(orders, log) {
  const gpu = await openDawn();
  return withTemporaryFolder('bench', async (folder) => {
    const { runOnDawn } = await importForNode('bench/harness/dawn.ts', folder);
    const data = await ensureData();
    const read = async (url) =>
      new globalThis.Response(await readFile(path.join(data, path.basename(new URL(url).pathname))));
    return {
      browser: `Dawn for Node, Node ${process.version}`,
      ...(await runOnDawn(orders, gpu, read, log)),
    };
  });
}
