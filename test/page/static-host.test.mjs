/** The site on a host of static files that sends no headers: `npx sgan-trainer site`, and its service worker. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { inRoot } from '../../scripts/lib/paths.mjs';
import {
  makeFolder,
  openHost,
  serveFolder,
  SMALL,
  trainOnce,
  writeSmallData,
} from '../embed/support/hosts.mjs';

const run = promisify(execFile);

/** Runs the package's command; resolves with its exit code and what it said. */
async function command(...args) {
  const started = run(process.execPath, [inRoot('bin', 'sgan-trainer.mjs'), ...args]);
  const { code = 0, stdout, stderr } = await started.catch((error) => error);
  return { code, stdout, stderr };
}

async function makeSite(context) {
  const folder = path.join(await makeFolder(context), 'site');
  assert.equal((await command('site', folder, '--no-data')).code, 0);
  await writeSmallData(path.join(folder, 'data'));
  return folder;
}

test('without any header the site isolates itself, is loaded once more, and trains on every thread', async (context) => {
  const url = await serveFolder(context, await makeSite(context), { under: 'some/where' });
  const { page, thrown } = await openHost(context, url);
  await page.waitForFunction(() => window.crossOriginIsolated, { polling: 100 });
  await page.waitForSelector('sgan-trainer:defined');
  const { adapter } = await trainOnce(page, { ...SMALL, threads: 2 });
  assert.match(adapter, /2 threads/);
  // Again, and it is isolated at once.
  let loads = 0;
  page.on('domcontentloaded', () => loads++);
  await page.reload();
  await page.waitForSelector('sgan-trainer:defined');
  await trainOnce(page);
  assert.equal(await page.evaluate(() => window.crossOriginIsolated), true);
  assert.equal(loads, 1);
  assert.deepEqual(thrown, []);
});

test('the page of the benchmark isolates itself as well, and measures threads', async (context) => {
  const url = await serveFolder(context, await makeSite(context), { under: 'some/where' });
  const { page, thrown } = await openHost(context, `${url}bench.html`, { element: 'sgan-benchmark' });
  await page.waitForFunction(() => window.crossOriginIsolated, { polling: 100 });
  const hasThreads = () => {
    const box = document
      .querySelector('sgan-benchmark')
      ?.shadowRoot?.querySelector('.contenders input[value="wasm x2"]');
    return box?.disabled === false;
  };
  await page.waitForFunction(hasThreads, { polling: 100 });
  assert.deepEqual(thrown, []);
});

test('autostart waits for the page to be isolated', async (context) => {
  const url = await serveFolder(context, await makeSite(context));
  const query = new URLSearchParams({ ...SMALL, threads: 2, autostart: '' });
  const { page, seen } = await openHost(context, `${url}?${query}`);
  await page.waitForFunction(() => window.crossOriginIsolated, { polling: 100 });
  await page.waitForFunction(() => document.querySelector('sgan-trainer')?.state === 'running', {
    polling: 100,
  });
  assert.equal(seen.filter((address) => address.endsWith('/worker/worker.js')).length, 1);
  assert.ok(seen.filter((address) => new URL(address).pathname === '/').length >= 2);
});

test('where the service worker is missing, that is told, and training starts on one thread', async (context) => {
  const folder = await makeSite(context);
  await rm(path.join(folder, 'isolation-worker.js'));
  const url = await serveFolder(context, folder);
  const { page } = await openHost(context, `${url}?${new URLSearchParams({ ...SMALL, autostart: '' })}`);
  await page.waitForFunction(() => document.querySelector('sgan-trainer').state === 'running', {
    polling: 100,
  });
  const errors = await page.evaluate(async () => {
    const told = [];
    const trainer = document.createElement('sgan-trainer');
    trainer.addEventListener('sgan-error', ({ detail }) => told.push(detail));
    trainer.isolationUrl = './isolation-worker.js';
    const heard = new Promise((resolve) => trainer.addEventListener('sgan-error', resolve, { once: true }));
    document.body.append(trainer);
    await heard;
    return told;
  });
  assert.equal(errors[0].kind, 'InvalidSettings');
  assert.match(errors[0].message, /isolation-url.*cannot be used.*on one thread/);
});

test('the element registers no service worker unless it is asked to', async (context) => {
  const folder = await makeSite(context);
  const file = path.join(folder, 'index.html');
  const text = await readFile(file, 'utf8');
  assert.match(text, /<sgan-trainer isolation-url="\.\/isolation-worker\.js"/);
  await writeFile(file, text.replace(/ isolation-url="[^"]*"/, ''));
  const { page } = await openHost(context, await serveFolder(context, folder));
  await trainOnce(page);
  const count = await page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
  assert.equal(count, 0);
});

test('the command says what it takes, and writes into no folder that has something in it', async (context) => {
  const help = await command('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /npx sgan-trainer data FOLDER[^]*npx sgan-trainer site FOLDER/);
  assert.match((await command('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  for (const args of [[], ['sites', 'x'], ['site'], ['site', 'a', 'b'], ['data', 'x', '--nothing']]) {
    const { code, stdout, stderr } = await command(...args);
    assert.equal(code, 1, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /npx sgan-trainer data FOLDER/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  }
  const folder = await makeFolder(context);
  await writeFile(path.join(folder, 'kept.txt'), 'kept');
  const { code, stderr } = await command('site', folder);
  assert.equal(code, 1);
  assert.match(stderr, /is not empty \("kept\.txt" is in it\)/);
  assert.deepEqual(await readdir(folder), ['kept.txt']);
});
