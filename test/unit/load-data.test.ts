import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'fflate';
import { fingerprintOf } from '../../src/worker/data/fingerprint.js';
import { loadDataset } from '../../src/worker/data/load.js';
import type { Dataset } from '../../src/worker/data/dataset.js';
import { fetchOf, imagesFile, labelsFile, tinyDataset, tinyFiles, type Files } from './support/data.js';

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

test('a server that answers with its page for a missing file is told as that, with what to do', async () => {
  const serve = fetchOf(tinyFiles());
  const fetch: typeof globalThis.fetch = async (input) =>
    String(input).includes('test-images')
      ? new Response('<!doctype html>', { headers: { 'content-type': 'text/html; charset=utf-8' } })
      : serve(input);
  await assert.rejects(load({}, { fetch }), {
    name: 'DataUnavailable',
    message: /^test-images\.gz: the server answered with a page \(text\/html\).*npx sgan-trainer data FOLDER/,
  });
});

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
        if (pulls++ === 0) controller.enqueue(imagesFile(new Uint8Array(60 * 784)).slice(0, 1500));
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

/** `bytes` as a server sends them, so many at a time. */
function served(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  onPull: (sent: number) => void = () => undefined,
) {
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      onPull(sent);
      if (sent >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(sent, sent + size));
      sent += size;
    },
  });
  return new Response(body, { headers: { 'content-length': String(bytes.length) } });
}

/** The tiny files, one of them from a response. */
function fetchWith(file: string, respond: () => Response): typeof fetch {
  const serve = fetchOf(packedFiles());
  return async (input, init) => (String(input).endsWith(file) ? respond() : serve(input, init));
}

test('gzip of several members is one file, wherever its bytes are cut on their way', async () => {
  const raw = tinyFiles()['train-images.gz'] as Uint8Array<ArrayBuffer>;
  const parts = [
    raw.subarray(0, 9),
    raw.subarray(9, 20_000),
    raw.subarray(20_000, 20_000),
    raw.subarray(20_000),
  ];
  const members = parts.map((part, i) => [...gzipSync(part, { filename: `part-${i}` })]);
  const packed = Uint8Array.from(members.flat());
  for (const size of [3, 13, 4096, packed.length]) {
    const fetch = fetchWith('train-images.gz', () => served(packed, size));
    assert.deepEqual(await load({}, { fetch }), tinyDataset(), `${size} bytes at a time`);
  }
});

test('every member is checked against its own checksum and length', async () => {
  const raw = tinyFiles()['train-labels.gz'] as Uint8Array<ArrayBuffer>;
  const members = [gzipSync(raw.subarray(0, 30)), gzipSync(raw.subarray(30))];
  const packed = Uint8Array.of(...members[0]!, ...members[1]!);
  const ends = [members[0]!.length, packed.length];
  for (const position of ends.flatMap((end) => [end - 8, end - 1])) {
    const damaged = packed.slice();
    damaged[position]! ^= 1;
    await refuses({ 'train-labels.gz': damaged }, 'DataInvalid', /its gzip data is damaged or cut off/);
  }
  for (const cut of [1, 4, 8, 9]) {
    await refuses({ 'train-labels.gz': packed.slice(0, -cut) }, 'DataInvalid', /damaged or cut off/);
  }
  await refuses({ 'train-labels.gz': Uint8Array.of(...packed, 1) }, 'DataInvalid', /damaged or cut off/);
});

test('zeros after the last member are padding, however many, wherever they are cut on their way', async () => {
  const raw = tinyFiles()['train-labels.gz'] as Uint8Array<ArrayBuffer>;
  const members = [[gzipSync(raw)], [gzipSync(raw.subarray(0, 30)), gzipSync(raw.subarray(30))]];
  const empty = gzipSync(new Uint8Array(0));
  for (const parts of [...members, [gzipSync(raw), empty]]) {
    const packed = parts.flatMap((part) => [...part]);
    for (const zeros of [0, 1, 2, 3, 4, 5, 512, 40_000]) {
      const padded = Uint8Array.from([...packed, ...new Uint8Array(zeros)]);
      for (const size of [7, padded.length]) {
        const fetch = fetchWith('train-labels.gz', () => served(padded, size));
        assert.deepEqual(await load({}, { fetch }), tinyDataset(), `${zeros} zeros, ${size} bytes at a time`);
      }
    }
  }
});

test('what else follows the last member is refused by name, behind zeros too', async () => {
  const packed = packedFiles()['train-labels.gz'] as Uint8Array<ArrayBuffer>;
  const zeros = new Uint8Array(20_000);
  for (const rest of [
    [1],
    [0, 1],
    [1, 0, 0, 0],
    [1, ...zeros],
    [...zeros, 1],
    [...zeros, ...packed],
    [...text('more')],
  ]) {
    await refuses(
      { 'train-labels.gz': Uint8Array.of(...packed, ...rest) },
      'DataInvalid',
      /^train-labels\.gz: its gzip data is damaged or cut off, or something else follows it \([\d,]+ bytes read\)\.$/,
    );
  }
  // A member cut off in a file of its full size, as where its end has not been written yet.
  for (const cut of [4, 5, 8, 9, 20]) {
    const unwritten = Uint8Array.of(...packed.subarray(0, -cut), ...zeros);
    await refuses(
      { 'train-labels.gz': unwritten },
      'DataInvalid',
      /^train-labels\.gz: its gzip data is damaged/,
    );
  }
});

test('padding is no way to unpack more than the header promises', async () => {
  const labels = tinyFiles()['train-labels.gz'] as Uint8Array<ArrayBuffer>;
  const longer = gzipSync(Uint8Array.of(...labels, 0));
  await refuses(
    { 'train-labels.gz': Uint8Array.of(...longer, 0, 0, 0, 0) },
    'DataInvalid',
    /too long: its header promises 68/,
  );
});

test('no more is unpacked than the header promises, nor fetched', async () => {
  const header = imagesFile(new Uint8Array(60 * 784)).slice(0, 16);
  const bomb = new Uint8Array(50_000_000);
  bomb.set(header);
  const packed = gzipSync(bomb);
  let furthest = 0;
  const fetch = fetchWith('train-images.gz', () =>
    served(packed, 1000, (sent) => (furthest = Math.max(furthest, sent))),
  );
  await assert.rejects(load({}, { fetch }), {
    name: 'DataInvalid',
    message: 'train-images.gz: too long: its header promises 47,056 bytes, its gzip data has more.',
  });
  assert.ok(furthest < 10_000, `${furthest} of ${packed.length} bytes were asked for`);
  const raw = fetchWith('train-images.gz', () => served(bomb.slice(0, 100_000), 1000));
  await assert.rejects(load({}, { fetch: raw }), {
    message: 'train-images.gz: too long: its header promises 47,056 bytes, it has more.',
  });
});

test('files of other elements are named as such, packed or not', async () => {
  const floats = tinyFiles()['train-images.gz'] as Uint8Array<ArrayBuffer>;
  floats[2] = 0x0d;
  for (const file of [floats, gzipSync(floats)]) {
    await refuses(
      { 'train-images.gz': file },
      'DataInvalid',
      /Its elements are 32-bit floats; only unsigned bytes/,
    );
  }
});

test('progress never passes what was announced: a total that was too small is none', async () => {
  const files = packedFiles();
  const serve = fetchOf(files);
  const seen: [number, number][] = [];
  await load(files, {
    fetch: async (...request) => {
      const response = await serve(...request);
      // As a page elsewhere sees a body that the server coded: without the header that says so.
      response.headers.set('content-length', '1000');
      return response;
    },
    onProgress: (loaded, total) => seen.push([loaded, total]),
  });
  assert.deepEqual(seen[0], [0, 4000]);
  assert.ok(seen.every(([loaded, total]) => total === 0 || loaded <= total));
  assert.ok(seen.at(-1)![0] > 4000);
});

test('counts that differ between images and labels are both named', () =>
  refuses(
    { 'train-labels.gz': labelsFile(new Uint8Array(59)) },
    'DataInvalid',
    'train-images.gz: 60 images, but train-labels.gz has 59 labels.',
  ));

/** The tiny files with other images or labels in some of them; labels are given by index. */
function changedFiles({
  shape = [28, 28],
  train = (index: number) => index % 10,
  test = (index: number) => index % 10,
  trainCount = 60,
  testCount = 25,
  testShape = shape,
}: {
  shape?: readonly number[];
  testShape?: readonly number[];
  train?: (index: number) => number;
  test?: (index: number) => number;
  trainCount?: number;
  testCount?: number;
}): Files {
  const images = (count: number, [...sizes]: readonly number[]): Uint8Array<ArrayBuffer> =>
    imagesFile(new Uint8Array(sizes.reduce((product, length) => product * length, count)), sizes);
  const labels = (count: number, label: (index: number) => number): Uint8Array<ArrayBuffer> =>
    labelsFile(Uint8Array.from({ length: count }, (_, index) => label(index)));
  return {
    'train-images.gz': images(trainCount, shape),
    'train-labels.gz': labels(trainCount, train),
    'test-images.gz': images(testCount, testShape),
    'test-labels.gz': labels(testCount, test),
  };
}

test('size, channels and classes of the data are what the files say', async () => {
  for (const [shape, imageShape, classes] of [
    [[12, 20, 3], [12, 20, 3], 4],
    [[32, 32], [32, 32, 1], 62],
    [[8, 128, 1], [8, 128, 1], 100],
    [[64, 64, 3], [64, 64, 3], 2],
  ] as const) {
    const files = changedFiles({ shape, train: (i) => i % classes, test: () => 0, trainCount: 100 });
    const packed = Object.entries(files).map(([name, file]) => [name, gzipSync(file as Uint8Array)]);
    for (const served of [files, Object.fromEntries(packed) as Files]) {
      const dataset = await load(served);
      assert.deepEqual(dataset.imageShape, imageShape);
      assert.equal(dataset.classes, classes);
      assert.deepEqual(
        dataset.classNames,
        Array.from({ length: classes }, (_, label) => String(label)),
      );
      assert.equal(dataset.train.images.length, 100 * imageShape[0] * imageShape[1] * imageShape[2]);
    }
  }
});

test('a class counts where only a test image has it, and then wants a training image', () =>
  refuses(
    changedFiles({ train: (i) => [0, 1, 4][i % 3]!, test: () => 5 }),
    'DataInvalid',
    'train-labels.gz: no training image is labelled 2, 3 and 5; every class from 0 to 5, the largest label of both sets, needs at least one.',
  ));

test('data of one class is refused', () =>
  refuses(
    changedFiles({ train: () => 0, test: () => 0 }),
    'DataInvalid',
    'train-labels.gz: all its labels are 0, and so are those of test-labels.gz; allowed are 2 to 100 classes, labelled from 0 on.',
  ));

test('training and test images of different shapes are refused', async () => {
  for (const [testShape, words] of [
    [[20, 12, 3], '20 x 12 x 3'],
    [[12, 20], '12 x 20 x 1'],
  ] as const) {
    await refuses(
      changedFiles({ shape: [12, 20, 3], testShape }),
      'DataInvalid',
      `test-images.gz: its images are ${words}, those of train-images.gz 12 x 20 x 3; both files need the same height, width and channels.`,
    );
  }
});

test('twenty training images and one test image are enough, and fewer are not', async () => {
  const { train, test: testSet } = await load(changedFiles({ trainCount: 20, testCount: 1 }));
  assert.deepEqual([train.count, testSet.count], [20, 1]);
  await refuses(
    changedFiles({ trainCount: 19 }),
    'DataInvalid',
    'train-images.gz: it holds 19 images; allowed are 20 to 1,000,000.',
  );
  await refuses(
    changedFiles({ testCount: 0 }),
    'DataInvalid',
    'test-images.gz: it holds 0 images; allowed are 1 to 1,000,000.',
  );
});

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

test('the fingerprint of MNIST-shaped data is what it always was, so that older checkpoints load', () =>
  assert.equal(fingerprintOf(tinyDataset()), '213a7b569406e8b5ac4c2e8069da499f'));

test('the fingerprint covers shape and classes', () => {
  const dataset = tinyDataset();
  const others: Partial<Dataset>[] = [
    { imageShape: [14, 56, 1] },
    { imageShape: [56, 14, 1] },
    { classes: 11 },
  ];
  const prints = [dataset, ...others.map((other) => ({ ...dataset, ...other }))].map(fingerprintOf);
  assert.equal(new Set(prints).size, prints.length);
});

test('the fingerprint tells data sets apart by a single byte', () => {
  const changed = tinyDataset();
  changed.test.images[777]! ^= 1;
  assert.equal(fingerprintOf(tinyDataset()), fingerprintOf(tinyDataset()));
  assert.notEqual(fingerprintOf(changed), fingerprintOf(tinyDataset()));
  assert.match(fingerprintOf(changed), /^[0-9a-f]{32}$/);
});
