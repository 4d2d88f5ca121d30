/** `npm start`: the server's headers, its port, and what a wrong argument is told. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { runScript, startScript } from './support/scripts.mjs';

let server;
let url;
let taken;

/** A server on the first of two free ports; the second is for the site. */
async function takePort() {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  return holder;
}

before(async () => {
  taken = await takePort();
  server = startScript('start', ['--no-open', '--port', String(taken.address().port)]);
  [, url] = await server.said(/sgan-trainer is at (\S+)/);
});

after(async () => {
  server.child.kill();
  taken.close();
  await server.ended;
});

test('a taken port is passed over aloud and the next one serves', async () => {
  const { port } = taken.address();
  assert.match(server.output, new RegExp(`Port ${port} is taken`));
  assert.ok(Number(new URL(url).port) > port);
  assert.equal((await fetch(url)).status, 200);
});

test('page, worker, wasm and data answer with their types and the headers of an isolated page', async () => {
  const types = {
    '': 'text/html; charset=utf-8',
    'ui/page.js': 'text/javascript; charset=utf-8',
    'worker/worker.js': 'text/javascript; charset=utf-8',
    'worker/tfjs-backend-wasm-simd.wasm': 'application/wasm',
    // Sent as a file: a content encoding would make the browser unpack it, and raw IDX files are allowed.
    'data/test-labels.gz': 'application/gzip',
  };
  for (const [path, type] of Object.entries(types)) {
    const { status, headers } = await fetch(url + path, { method: 'HEAD' });
    assert.equal(status, 200, path);
    assert.equal(headers.get('content-type'), type);
    assert.equal(headers.get('content-encoding'), null);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.equal(headers.get('cross-origin-embedder-policy'), 'require-corp');
    assert.match(headers.get('content-security-policy'), /script-src 'self' 'wasm-unsafe-eval';/);
  }
});

test('what is not there, or lies outside the site, is a 404, and writing is refused', async () => {
  assert.equal((await fetch(`${url}nothing.html`)).status, 404);
  assert.equal((await fetch(`${url}%2e%2e/package.json`)).status, 404);
  assert.equal((await fetch(`${url}..%2fpackage.json`)).status, 404);
  assert.equal((await fetch(`${url}%00`)).status, 404);
  assert.equal((await fetch(url, { method: 'PUT', body: 'x' })).status, 405);
});

test('a stray argument names the missing --', async () => {
  const { code, output } = await runScript('start', ['9000']);
  assert.equal(code, 1);
  assert.match(output, /"9000" belongs to no option.*after it, as in npm start -- /);
});

test('a port that is none is refused with the range', async () => {
  const { code, output } = await runScript('start', ['--port', 'http']);
  assert.equal(code, 1);
  assert.match(output, /--port is "http"; allowed are whole numbers from 1 to 65535/);
});
