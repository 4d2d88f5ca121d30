/**
 * The packed package, installed outside the project: in a plain page and in a Vite app. Every other kind of
 * host is in test/embed.
 */

import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { runPackage } from '../../scripts/lib/run-command.mjs';
import {
  copyExample,
  importBenchmark,
  installAlone,
  ISOLATED,
  makeFolder,
  measureOnce,
  openHost,
  serveFolder,
  SMALL,
  trainOnce,
  writeSmallData,
} from '../embed/support/hosts.mjs';

const CONSUMER = `
import 'sgan-trainer';
import 'sgan-trainer/benchmark';
import type { BenchmarkReport, SganBenchmarkElement } from 'sgan-trainer/benchmark';
import { SganTrainer, type SganTrainerElement } from 'sgan-trainer/element';
import { workerUrl } from 'sgan-trainer/worker';
import { SETTING_RANGES, type EvaluationReport, type TrainerState } from 'sgan-trainer/protocol';

const trainer: SganTrainerElement = document.createElement('sgan-trainer');
trainer.settings = { recipe: 'notebook', steps: SETTING_RANGES.steps.max };
trainer.autostart = 'visible';
const state: TrainerState = await trainer.start();
document.addEventListener('sgan-evaluation', ({ detail }) => {
  const report: EvaluationReport = detail;
  console.log(state, report.testAccuracy.toFixed(3), workerUrl().href, SganTrainer.version);
});
const benchmark: SganBenchmarkElement = document.createElement('sgan-benchmark');
benchmark.settings = { recipe: 'few-labels', stage: 'learn', engines: ['wasm x2'] };
const measured: BenchmarkReport = await benchmark.start();
document.addEventListener('sgan-benchmark-report', ({ detail }) => console.log(detail === measured));
// @ts-expect-error: there is no such preset.
benchmark.settings = { preset: 'slow' };
class Own extends SganTrainer {}
customElements.define('own-trainer', Own);
// @ts-expect-error: there is no such recipe.
trainer.recipe = 'cookbook';
// @ts-expect-error: what is read-only stays so.
trainer.state = 'idle';
// @ts-expect-error: nobody has to know that it is made with Lit.
trainer.requestUpdate();
`;

test('a plain page with an import map trains on every thread, and a strict type check takes its types', async (context) => {
  const folder = await copyExample(context, 'plain');
  await installAlone(folder);
  await writeSmallData(path.join(folder, 'data'));
  const url = await serveFolder(context, folder, { headers: ISOLATED });
  const { page, thrown } = await openHost(context, url);
  const { adapter } = await trainOnce(page, { ...SMALL, threads: 2 });
  assert.match(adapter, /2 threads/);
  assert.deepEqual(thrown, []);

  await writeFile(path.join(folder, 'consumer.ts'), CONSUMER);
  const options = {
    compilerOptions: {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2022', 'dom', 'dom.iterable'],
      types: [],
    },
    files: ['consumer.ts'],
  };
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(options));
  assert.equal(await runPackage('typescript/bin/tsc', ['-p', path.join(folder, 'tsconfig.json')]), 0);
});

test('the package carries no images, no dependency, and every source map with its sources', async (context) => {
  const folder = await makeFolder(context);
  await installAlone(folder);
  assert.deepEqual(
    (await readdir(path.join(folder, 'node_modules'))).filter((name) => !name.startsWith('.')),
    ['sgan-trainer'],
  );
  const root = path.join(folder, 'node_modules', 'sgan-trainer');
  const names = (await readdir(root, { recursive: true })).map((name) => name.split(path.sep).join('/'));
  assert.deepEqual(
    names.filter((name) => /\.(gz|ts\.map)$|headless|^src\/|^test\//.test(name)),
    [],
  );
  const { exports, sideEffects } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const targets = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target),
  );
  const missing = targets.map((target) => target.slice(2)).filter((name) => !names.includes(name));
  assert.deepEqual(missing, []);
  for (const entry of ['.', './benchmark']) assert.ok(sideEffects.includes(exports[entry].default), entry);
  const maps = names.filter((name) => name.endsWith('.js.map'));
  assert.ok(maps.length >= 5);
  for (const name of maps) {
    const { sources, sourcesContent } = JSON.parse(await readFile(path.join(root, name), 'utf8'));
    assert.equal(sources.length, sourcesContent?.length ?? 0, name);
    assert.ok(
      sourcesContent.every((text) => typeof text === 'string'),
      name,
    );
  }
});

/** Vite's own demand; see its package.json. */
const hasNodeForVite = (([major, minor]) => major > 20 || (major === 20 && minor >= 19))(
  process.versions.node.split('.').map(Number),
);

test(
  'a Vite app, built with nothing configured, trains and measures on every thread and on TensorFlow.js',
  { skip: !hasNodeForVite && 'Vite 7 needs Node 20.19' },
  async (context) => {
    const folder = await copyExample(context, 'vite');
    await importBenchmark(folder);
    await installAlone(folder);
    const { build } = await import('vite');
    await build({ root: folder, base: './', logLevel: 'error', configFile: false });
    await mkdir(path.join(folder, 'dist', 'data'));
    await writeSmallData(path.join(folder, 'dist', 'data'));
    const url = await serveFolder(context, path.join(folder, 'dist'), {
      headers: ISOLATED,
      under: 'some/where',
    });
    const { page, seen, thrown } = await openHost(context, url);
    const { adapter } = await trainOnce(page, { ...SMALL, threads: 2 });
    assert.match(adapter, /2 threads/);
    assert.deepEqual(
      seen.filter((address) => address.includes('tfjs')),
      [],
    );
    await page.reload();
    await page.waitForSelector('sgan-trainer:defined');
    assert.equal((await trainOnce(page, { ...SMALL, engine: 'tfjs-wasm' })).engine, 'tfjs-wasm');
    assert.ok(seen.some((address) => /tfjs-[\w-]+\.js$/.test(address)));
    await page.reload();
    await measureOnce(page, ['wasm x2', 'tfjs-wasm']);
    assert.deepEqual(thrown, []);
  },
);
