/** The packed package in every kind of host: built with nothing configured, or as its example says. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify, stripVTControlCharacters } from 'node:util';
import { gunzipSync } from 'node:zlib';
import {
  buildExample,
  copyExample,
  installAlone,
  ISOLATED,
  makeFolder,
  measureOnce,
  openHost,
  packed,
  npm,
  serveFolder,
  SHARED,
  SMALL,
  trainOnce,
  writeSmallData,
} from './support/hosts.mjs';

/** Serves what an example was built into, with small data where the example asks for them. */
async function serveBuilt(context, folder, options) {
  const built = path.join(folder, 'dist');
  await writeSmallData(path.join(built, 'data'));
  return serveFolder(context, built, options);
}

for (const name of ['webpack', 'esbuild']) {
  test(`an app built by ${name} trains and measures on every thread and on TensorFlow.js, under a sub-path`, async (context) => {
    const folder = await buildExample(context, name, { hasBenchmark: true });
    const url = await serveBuilt(context, folder, { headers: ISOLATED, under: 'some/where' });
    const { page, thrown } = await openHost(context, url);
    const { adapter } = await trainOnce(page, { ...SMALL, threads: 2 });
    assert.match(adapter, /2 threads/);
    await page.reload();
    await page.waitForSelector('sgan-trainer:defined');
    assert.equal((await trainOnce(page, { ...SMALL, engine: 'tfjs-wasm' })).engine, 'tfjs-wasm');
    await page.reload();
    await measureOnce(page, ['wasm x2', 'tfjs-wasm']);
    assert.deepEqual(thrown, []);
  });
}

for (const name of ['react', 'vue']) {
  test(`a component of ${name} sets properties, hears events and calls methods`, async (context) => {
    const folder = await buildExample(context, name);
    const { page, thrown } = await openHost(context, await serveBuilt(context, folder));
    await page.$eval('sgan-trainer', (trainer) => void (trainer.engine = 'wasm'));
    await page.click('button');
    await page.waitForFunction(() => document.querySelector('#state').textContent === 'paused', {
      polling: 100,
    });
    await page.waitForFunction(() => /^0\.\d{3}$/.test(document.querySelector('#accuracy').textContent), {
      polling: 100,
    });
    const settings = await page.$eval('sgan-trainer', (trainer) => trainer.settings);
    assert.deepEqual([settings.labels, settings.batch], [100, 10]);
    assert.deepEqual(thrown, []);
  });
}

/** Resolves with the address that a server prints. Fails with what it said where it ends before. */
function untilListening(child) {
  return new Promise((resolve, reject) => {
    let said = '';
    const hear = (text) => {
      said += text.toString();
      const found = /http:\/\/localhost:\d+/.exec(stripVTControlCharacters(said));
      if (found !== null) resolve(`${found[0]}/`);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${said}`)));
  });
}

/** Starts a server of an example's own in a process group of its own; it ends with the test. */
async function startServer(context, folder, script, args) {
  const child = spawn(process.execPath, [path.join(folder, 'node_modules', script), ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  context.after(async () => {
    child.kill();
    await ended;
  });
  return untilListening(child);
}

test('Vite’s development server serves it with nothing configured', async (context) => {
  const folder = await buildExample(context, 'vite', { hasBenchmark: true });
  await writeSmallData(path.join(folder, 'public', 'data'));
  const url = await startServer(context, folder, 'vite/bin/vite.js', ['--port', '0']);
  const { page, thrown } = await openHost(context, url);
  assert.equal((await trainOnce(page)).engine, 'wasm');
  await page.reload();
  await page.waitForSelector('sgan-trainer:defined');
  assert.equal((await trainOnce(page, { ...SMALL, engine: 'tfjs-wasm' })).engine, 'tfjs-wasm');
  await page.reload();
  await measureOnce(page, ['wasm x1', 'tfjs-wasm']);
  assert.deepEqual(thrown, []);
});

test('a page of Next.js is rendered on the server without it, and trains in the browser', async (context) => {
  const folder = await buildExample(context, 'next');
  await writeSmallData(path.join(folder, 'public', 'data'));
  const url = await startServer(context, folder, 'next/dist/bin/next', ['start', '--port', '0']);
  const { page, thrown } = await openHost(context, url);
  assert.equal((await trainOnce(page)).engine, 'wasm');
  assert.deepEqual(thrown, []);
});

test('imported in Node, no module of the package has an effect', async (context) => {
  const folder = await makeFolder(context);
  await installAlone(folder);
  await writeFile(
    path.join(folder, 'server.mjs'),
    `const before = Object.keys(globalThis).join();
    const names = ['', '/element', '/worker', '/protocol', '/benchmark'].map((name) => 'sgan-trainer' + name);
    const modules = await Promise.all(names.map((name) => import(name)));
    console.log(JSON.stringify([Object.keys(globalThis).join() === before, modules.map((module) => Object.keys(module).sort())]));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, ['server.mjs'], { cwd: folder });
  const [isUnchanged, [define, element, worker, protocol, benchmark]] = JSON.parse(stdout);
  assert.equal(isUnchanged, true);
  assert.deepEqual([define, element, worker, benchmark], [[], ['SganTrainer'], ['workerUrl'], []]);
  assert.ok(protocol.includes('SETTING_RANGES'));
});

test('from a content network, with the data on a third origin, it trains on every thread', async (context) => {
  const folder = await makeFolder(context);
  await installAlone(folder);
  const network = await serveFolder(context, path.join(folder, 'node_modules'), { headers: SHARED });
  const store = await makeFolder(context);
  await writeSmallData(store);
  const data = await serveFolder(context, store, { headers: SHARED });
  const host = await makeFolder(context);
  await writeFile(
    path.join(host, 'index.html'),
    `<!doctype html><title>A host</title><sgan-trainer data-url="${data}"></sgan-trainer>
    <script type="module" src="${network}sgan-trainer/dist/ui/define.js"></script>`,
  );
  const { page, thrown } = await openHost(context, await serveFolder(context, host, { headers: ISOLATED }));
  const { adapter } = await trainOnce(page, { ...SMALL, threads: 2 });
  assert.match(adapter, /2 threads/);
  await page.reload();
  await page.waitForSelector('sgan-trainer:defined');
  assert.equal((await trainOnce(page, { ...SMALL, engine: 'tfjs-wasm' })).engine, 'tfjs-wasm');
  assert.deepEqual(thrown, []);
});

test('a page without isolation trains on one thread; without data it says what is missing', async (context) => {
  const folder = await copyExample(context, 'plain');
  await installAlone(folder);
  const url = await serveFolder(context, folder);
  const { page } = await openHost(context, url);
  const errorOf = () =>
    page.$eval('sgan-trainer', async (trainer) => {
      await trainer.step().catch(() => undefined);
      return trainer.error;
    });
  const missing = await errorOf();
  assert.equal(missing.kind, 'DataUnavailable');
  assert.match(missing.message, /404 for .*data\/.*npx sgan-trainer data FOLDER/);
  await page.$eval('sgan-trainer', async (trainer) => {
    await trainer.reset();
    trainer.removeAttribute('data-url');
  });
  assert.match(
    (await errorOf()).message,
    /do not come with the package.*npx sgan-trainer data FOLDER.*data-url/,
  );
  await writeSmallData(path.join(folder, 'data'));
  await page.goto(url);
  await page.waitForSelector('sgan-trainer:defined');
  const { adapter, fewerThreads } = await trainOnce(page, { ...SMALL, threads: 2 });
  assert.match(adapter, /1 thread$/);
  assert.equal(fewerThreads.limit, 'notIsolated');
});

test('of two versions on one page the first wins, which is said once', async (context) => {
  const folder = await copyExample(context, 'plain');
  await installAlone(folder);
  const later = path.join(folder, 'later', 'node_modules');
  await mkdir(later, { recursive: true });
  await npm(
    [
      'install',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--prefix',
      path.join(folder, 'later'),
      await packed(),
    ],
    folder,
  );
  // Another version of the same files: their text has it once, in the chunk that both entries share.
  const ui = path.join(later, 'sgan-trainer', 'dist', 'ui');
  const { version } = JSON.parse(await readFile(path.join(later, 'sgan-trainer', 'package.json'), 'utf8'));
  for (const name of (await readdir(ui)).filter((each) => each.endsWith('.js'))) {
    const text = await readFile(path.join(ui, name), 'utf8');
    await writeFile(path.join(ui, name), text.replaceAll(`"${version}"`, '"99.0.0"'));
  }
  await writeSmallData(path.join(folder, 'data'));
  const { page, said, thrown } = await openHost(context, await serveFolder(context, folder));
  await page.evaluate(async () => {
    await import('./later/node_modules/sgan-trainer/dist/ui/define.js');
    await import('./later/node_modules/sgan-trainer/dist/ui/define.js?again');
  });
  assert.equal(await page.evaluate(() => customElements.get('sgan-trainer').version), version);
  const told = said.filter((text) => text.includes('is defined already'));
  assert.equal(told.length, 1);
  assert.match(told[0], /sgan-trainer 99\.0\.0 on this page is not used/);
  assert.equal((await trainOnce(page)).engine, 'wasm');
  assert.deepEqual(thrown, []);
});

test('npx sgan-trainer data fetches the files with npm where they are not installed', async (context) => {
  const folder = await makeFolder(context);
  await installAlone(folder);
  await npm(['exec', '--', 'sgan-trainer', 'data', 'public/data'], folder);
  const names = (await readdir(path.join(folder, 'public', 'data'))).sort();
  assert.deepEqual(names, ['test-images.gz', 'test-labels.gz', 'train-images.gz', 'train-labels.gz']);
  const labels = gunzipSync(await readFile(path.join(folder, 'public', 'data', 'test-labels.gz')));
  assert.deepEqual([labels.readUInt32BE(0), labels.readUInt32BE(4), labels.length], [0x801, 10_000, 10_008]);
});
