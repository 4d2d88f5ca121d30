import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'fflate';
import { fingerprintOf } from '../../src/worker/data/fingerprint.js';
import { loadDataset } from '../../src/worker/data/load.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { fetchOf, labelsFile, tinyDataset, tinyFiles, type Files } from './support/data.js';

const dataUrl = 'https://example.test/data/';
const text = (content: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(content, (char) => char.charCodeAt(0));

function load(files: Files, options: Partial<Parameters<typeof loadDataset>[0]> = {}): Promise<Dataset> {
  const signal = new AbortController().signal;
  return loadDataset({ dataUrl, signal, onProgress: () => undefined, fetch: fetchOf(files), ...options });
}

const refuses = (changed: Files, kind: string, message: string | RegExp): Promise<void> =>
  assert.rejects(load({ ...tinyFiles(), ...changed }), { name: kind, message });

/** The tiny files as the built site has them. */
function packedFiles(): Files {
  return Object.fromEntries(
    Object.entries(tinyFiles()).map(([name, file]) => [name, gzipSync(file as Uint8Array<ArrayBuffer>)]),
  );
}

test('gzip and raw files give the same data, whatever they are called', async () => {
  assert.deepEqual(await load(packedFiles()), tinyDataset());
  assert.deepEqual(await load(tinyFiles()), tinyDataset());
});

test('progress counts the bytes of all four files up to their sum', async () => {
  const files = packedFiles();
  const total = Object.values(files).reduce<number>((sum, file) => sum + (file as Uint8Array).length, 0);
  const seen: [number, number][] = [];
  await load(files, { onProgress: (loaded, all) => seen.push([loaded, all]) });
  assert.deepEqual(seen[0], [0, total]);
  assert.deepEqual(seen.at(-1), [total, total]);
  assert.deepEqual(
    seen.map(([loaded]) => loaded),
    seen.map(([loaded]) => loaded).sort((a, b) => a - b),
  );
});

test('where the server decodes, the total is not known and the data is the same', async () => {
  const serve = fetchOf(tinyFiles());
  const totals = new Set<number>();
  await load(tinyFiles(), {
    fetch: async (...request) => {
      const response = await serve(...request);
      response.headers.set('content-encoding', 'gzip');
      return response;
    },
    onProgress: (_, total) => totals.add(total),
  });
  assert.deepEqual([...totals], [0]);
});

test('an address that is no folder is named, before anything is fetched', async () => {
  for (const dataUrl of ['data:text/plain,x/', 'blob:https://example.test/x', 'javascript:void 0', 'none']) {
    await assert.rejects(load(tinyFiles(), { dataUrl, fetch: () => assert.fail('It was fetched.') }), {
      name: 'DataUnavailable',
      message: `The data cannot be fetched from "${dataUrl}", which is the URL of no folder.`,
    });
  }
});

test('a missing file is named with its status and address', () =>
  refuses(
    { 'test-labels.gz': 404 },
    'DataUnavailable',
    /^test-labels\.gz: the server answered 404 for https:\/\/example\.test\/data\/test-labels\.gz\./,
  ));

test('a network that fails is told from a server that refuses', () =>
  assert.rejects(load({}, { fetch: () => Promise.reject(new TypeError('Failed to fetch')) }), {
    name: 'DataUnavailable',
    message: /^train-images\.gz: https:.* cannot be fetched \(Failed to fetch\)\.$/,
  }));

test('a connection that breaks is told with the bytes that came', async () => {
  const serve = fetchOf(tinyFiles());
  const fetch: typeof globalThis.fetch = async (input) => {
    if (!String(input).includes('train-images')) return serve(input);
    let pulls = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (pulls++ === 0) controller.enqueue(new Uint8Array(1500));
        else controller.error(new TypeError('network error'));
      },
    });
    return new Response(body);
  };
  await assert.rejects(load({}, { fetch }), {
    name: 'DataUnavailable',
    message: 'train-images.gz: the connection broke after 1,500 bytes (network error).',
  });
});

test('a page in place of a file is shown by its first words', () =>
  refuses(
    { 'train-labels.gz': text('<!doctype html><title>Not found</title>') },
    'DataInvalid',
    'train-labels.gz: it is neither gzip nor IDX; it begins with "<!doctype html><".',
  ));

test('an empty file and foreign bytes are refused', async () => {
  await refuses({ 'test-images.gz': new Uint8Array(0) }, 'DataInvalid', 'test-images.gz: it is empty.');
  await refuses(
    { 'test-images.gz': Uint8Array.of(0x50, 0x4b, 3, 4, 0xff) },
    'DataInvalid',
    'test-images.gz: it is neither gzip nor IDX; it begins with 50 4b 03 04 ff.',
  );
});

test('gzip that is cut off, or that packs something else, is refused', async () => {
  const packed = packedFiles()['train-images.gz'] as Uint8Array<ArrayBuffer>;
  await refuses(
    { 'train-images.gz': packed.slice(0, 300) },
    'DataInvalid',
    'train-images.gz: its gzip data is damaged or cut off (300 bytes read).',
  );
  await refuses(
    { 'train-images.gz': gzipSync(text('a,b,c')) },
    'DataInvalid',
    'train-images.gz: its gzip data is not IDX; it begins with "a,b,c".',
  );
});

test('counts that differ between images and labels are both named', () =>
  refuses(
    { 'train-labels.gz': labelsFile(new Uint8Array(59)) },
    'DataInvalid',
    'train-images.gz: 60 images, but train-labels.gz has 59 labels.',
  ));

test('loading that is given up ends as Aborted, before and during the download', async () => {
  await assert.rejects(load(tinyFiles(), { signal: AbortSignal.abort() }), { name: 'Aborted' });
  const abort = new AbortController();
  await assert.rejects(load(tinyFiles(), { signal: abort.signal, onProgress: () => abort.abort() }), {
    name: 'Aborted',
  });
});

test('one file that fails ends the other downloads', async () => {
  const serve = fetchOf({ ...tinyFiles(), 'train-labels.gz': 404 });
  const signals: AbortSignal[] = [];
  await assert.rejects(
    load(
      {},
      {
        fetch: (input, init) => {
          signals.push(init!.signal!);
          return serve(input, init);
        },
      },
    ),
    { name: 'DataUnavailable' },
  );
  assert.ok(signals.every((signal) => signal.aborted));
});

test('the fingerprint tells data sets apart by a single byte', () => {
  const changed = tinyDataset();
  changed.test.images[777]! ^= 1;
  assert.equal(fingerprintOf(tinyDataset()), fingerprintOf(tinyDataset()));
  assert.notEqual(fingerprintOf(changed), fingerprintOf(tinyDataset()));
  assert.match(fingerprintOf(changed), /^[0-9a-f]{32}$/);
});
