/** A site served from a folder, from memory, and from both. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readSite, serveSite } from '../../../scripts/lib/serve.mjs';

async function makeSite(context) {
  const root = await mkdtemp(path.join(tmpdir(), 'site-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  await mkdir(path.join(root, 'worker'));
  await writeFile(path.join(root, 'index.html'), 'old page');
  await writeFile(path.join(root, 'worker', 'chunk-OLD.js'), 'old chunk');
  return root;
}

/** As another build does it. */
async function rebuild(root) {
  await rm(root, { recursive: true });
  await mkdir(path.join(root, 'worker'), { recursive: true });
  await writeFile(path.join(root, 'index.html'), 'new page');
}

async function textOf(url) {
  const response = await fetch(url);
  return response.ok ? response.text() : response.status;
}

test('from memory a site is as it was read, whatever becomes of its folder', async (context) => {
  const root = await makeSite(context);
  const site = await serveSite({ root: null, files: await readSite(root) });
  context.after(() => site.close());
  await rebuild(root);
  assert.equal(await textOf(site.url), 'old page');
  const chunk = await fetch(`${site.url}worker/chunk-OLD.js`);
  assert.equal(chunk.headers.get('content-type'), 'text/javascript; charset=utf-8');
  assert.equal(chunk.headers.get('content-length'), '9');
  assert.equal(await chunk.text(), 'old chunk');
  for (const name of ['nothing.js', 'worker', '%2e%2e/index.html.js', 'worker%00']) {
    assert.equal(await textOf(site.url + name), 404, name);
  }
});

test('from a folder a new build is seen, and an open page still finds its own chunks', async (context) => {
  const root = await makeSite(context);
  const site = await serveSite({ root, files: await readSite(root) });
  context.after(() => site.close());
  await rebuild(root);
  assert.equal(await textOf(site.url), 'new page');
  assert.equal(await textOf(`${site.url}worker/chunk-OLD.js`), 'old chunk');
});
