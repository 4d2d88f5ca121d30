/** The CPU benchmark: builds its page, drives it in a browser, then runs the Python yardsticks. */

import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import esbuild from 'esbuild';
import { bundles } from '../../esbuild.config.mjs';
import { launchBrowser } from './browser.mjs';
import { ensureData } from './data.mjs';
import { UsageError } from './main.mjs';
import { CACHE, inRoot } from './paths.mjs';
import { serveSite } from './serve.mjs';
import { WASM_BINARIES, wasmBinaryPath } from './site.mjs';
import { KERNEL_BINARIES, buildKernels, kernelBinaryPath } from './wasm-kernels.mjs';

const PEERS = ['pytorch', 'tensorflow'];
/** What the yardsticks' steps are a copy of. */
const PEER_RECIPE = 'notebook';
const POLL_MS = 500;

async function buildPage(folder) {
  await esbuild.build({
    ...bundles.worker,
    metafile: false,
    entryPoints: [
      { in: 'bench/cpu/page.ts', out: 'page' },
      { in: 'bench/cpu/worker.ts', out: 'worker' },
      { in: 'src/worker/engine/wasm/thread.ts', out: 'thread' },
    ],
    outdir: folder,
  });
  await buildKernels();
  const binaries = [...WASM_BINARIES.map(wasmBinaryPath), ...KERNEL_BINARIES.map(kernelBinaryPath)];
  await Promise.all(binaries.map((binary) => copyFile(binary, path.join(folder, path.basename(binary)))));
  await cp(await ensureData(), path.join(folder, 'data'), { recursive: true });
  const html = '<!doctype html><html lang="en"><title>bench</title><script type="module" src="page.js"></script></html>';
  await writeFile(path.join(folder, 'index.html'), html);
}

/** Runs the orders in the page; returns what the worker measured, and its inputs' bytes by name. */
async function measureInPage(page, orders) {
  await page.waitForFunction(() => typeof window.runOrders === 'function');
  await page.evaluate((given) => window.runOrders(given), orders);
  for (let shown = 0; ; await delay(POLL_MS)) {
    const { lines, error, isDone } = await page.evaluate(() => {
      const { lines, error, measured } = window.progress;
      return { lines, error, isDone: measured !== null };
    });
    for (; shown < lines.length; shown++) console.log(lines[shown]);
    if (error !== null) throw new Error(`The benchmark failed in the browser: ${error}`);
    if (isDone) break;
  }
  return page.evaluate(() => {
    const { results, microKernel, inputs } = window.progress.measured;
    const arrays = [...inputs.arrays].map(([name, { shape }]) => ({ name, shape }));
    return { results, microKernel, losses: inputs.losses, arrays };
  });
}

async function writeInputs(page, { arrays, losses }, folder) {
  const entries = [];
  for (const [index, { name, shape }] of arrays.entries()) {
    const file = `${index}.f32`;
    const text = await page.evaluate((wanted) => window.inputBytes(wanted), name);
    await writeFile(path.join(folder, file), Buffer.from(text, 'base64'));
    entries.push({ name, shape, file });
  }
  await writeFile(path.join(folder, 'index.json'), JSON.stringify({ arrays: entries, losses }));
}

async function runPeer(peer, threads, steps, python, inputs) {
  const interpreter = path.join(python, peer, 'bin', 'python');
  const script = inRoot('bench', 'peers', peer, 'step.py');
  const numbers = ['--threads', String(threads), '--steps', String(steps)];
  // Libraries that count threads by themselves are told the same number.
  const env = { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const { stdout } = await promisify(execFile)(interpreter, [script, '--inputs', inputs, ...numbers], { env });
  const result = JSON.parse(stdout.trim().split('\n').at(-1));
  console.log(`${peer}: ${result.version}, ${threads} threads, loss of step 1 agrees`);
  return { ...result, firstStepMs: null, evaluationMs: null, evaluationImages: null, memoryBytes: null };
}

/** Runs everything; returns what is written as JSON. */
export async function runCpuBench({ engines, threads, steps, recipe, python }) {
  const peers = engines.filter((engine) => PEERS.includes(engine));
  if (peers.length > 0 && (python === undefined || recipe !== PEER_RECIPE)) {
    throw new UsageError(`${peers.join(' and ')} need --python FOLDER and --recipe ${PEER_RECIPE}.`);
  }
  const contenders = engines
    .filter((engine) => !PEERS.includes(engine))
    .flatMap((engine) => (engine === 'tfjs-wasm' ? [1] : threads).map((count) => ({ engine, threads: count })));
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(path.join(CACHE, 'bench-cpu-'));
  const inputs = await mkdtemp(path.join(os.tmpdir(), 'sgan-trainer-inputs-'));
  try {
    await buildPage(folder);
    const server = await serveSite({ root: folder });
    const browser = await launchBrowser({ purpose: 'compute' });
    try {
      const version = await browser.version();
      const page = await browser.newPage();
      await page.goto(server.url);
      const orders = { contenders, recipe, rounds: steps, evaluationImages: 10_000 };
      const measured = await measureInPage(page, orders);
      if (peers.length > 0) await writeInputs(page, measured, inputs);
      await browser.close();
      const results = [...measured.results];
      for (const peer of peers) {
        for (const count of threads) results.push(await runPeer(peer, count, steps, python, inputs));
      }
      const [{ model }] = os.cpus();
      const machine = { cpu: model, cores: os.cpus().length, memoryBytes: os.totalmem(), loadAverage: os.loadavg()[0] };
      return { machine, browser: version, recipe, microKernel: measured.microKernel, results };
    } finally {
      await browser.close();
      await server.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    await rm(inputs, { recursive: true, force: true });
  }
}
