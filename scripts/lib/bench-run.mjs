/**
 * Where the benchmark runs: bundles bench/harness, and drives it in a headless browser or, through
 * the npm package `webgpu`, on Dawn in this very process (set VK_ICD_FILENAMES to choose the driver).
 */

import { mkdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import esbuild from 'esbuild';
import { ensureData } from './data.mjs';
import { CACHE, inRoot } from './paths.mjs';

const POLL_MS = 500;

async function bundle(entry, folder, overrides) {
  await esbuild.build({
    absWorkingDir: inRoot(),
    entryPoints: [entry],
    outdir: folder,
    bundle: true,
    format: 'esm',
    splitting: true,
    target: 'es2022',
    tsconfig: inRoot('tsconfig.json'),
    logLevel: 'warning',
    ...overrides,
  });
}

/** A folder of this process' own, removed when `work` is done. */
async function withFolder(work) {
  const folder = path.join(CACHE, `bench.${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs the orders in a browser; the installed one first, since that has the GPU. */
export async function benchInBrowser(orders, log) {
  const { launchBrowser } = await import('./browser.mjs');
  const { serveSite } = await import('./serve.mjs');
  const { writeFile } = await import('node:fs/promises');
  return withFolder(async (folder) => {
    await bundle('bench/harness/page.ts', folder, { platform: 'browser' });
    await symlink(await ensureData(), path.join(folder, 'data'));
    await writeFile(
      path.join(folder, 'index.html'),
      '<!doctype html><title>Benchmark</title><script type="module" src="page.js"></script>\n',
    );
    const server = await serveSite({ root: folder });
    try {
      const browser = await launchBrowser({ purpose: 'compute' });
      try {
        const [page] = await browser.pages();
        await page.goto(server.url);
        await page.waitForFunction(() => window.startBench !== undefined);
        await page.evaluate((given) => window.startBench(given), orders);
        return { browser: await browser.version(), ...(await followBench(page, log)) };
      } finally {
        await browser.close();
      }
    } finally {
      await server.close();
    }
  });
}

/** A call into the page has a time limit, so the page is asked again and again. */
async function followBench(page, log) {
  const { setTimeout: delay } = await import('node:timers/promises');
  for (;;) {
    const { lines, outcome } = await page.evaluate(() => ({
      lines: window.benchLog.splice(0),
      outcome: window.benchOutcome,
    }));
    lines.forEach((line) => log(line));
    if (outcome?.error !== undefined) throw new Error(outcome.error);
    if (outcome !== null) return outcome;
    await delay(POLL_MS);
  }
}

/** Runs the orders on Dawn, without a browser. */
export async function benchOnDawn(orders, log) {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  return withFolder(async (folder) => {
    await bundle('bench/harness/dawn.ts', folder, { platform: 'node', splitting: false });
    const { runOnDawn } = await import(pathToFileURL(path.join(folder, 'dawn.js')).href);
    const data = await ensureData();
    const read = async (url) => new globalThis.Response(await readFile(path.join(data, path.basename(new URL(url).pathname))));
    return { browser: `Dawn for Node, Node ${process.version}`, ...(await runOnDawn(orders, gpu, read, log)) };
  });
}
