/** What a run trains on: the site's data, those of a folder, and some images kept back. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { dataReader, dataWords, readFingerprint, readLabels } from '../../../scripts/lib/run-data.mjs';
import { parseProtocolOptions } from '../../../scripts/lib/protocol-options.mjs';
import { parseSweepOptions } from '../../../scripts/lib/sweep-options.mjs';
import { parseTrainOptions } from '../../../scripts/lib/train-options.mjs';

let folder;

function labels(...values) {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(0x801);
  header.writeUInt32BE(values.length, 4);
  return gzipSync(Buffer.concat([header, Buffer.from(values)]));
}

/** Images of 8 x 8 pixels, all of a value; of three channels where told. */
function images(values, channels = 1) {
  const sizes = [values.length, 8, 8, ...(channels === 1 ? [] : [channels])];
  const header = Buffer.alloc(4 + 4 * sizes.length);
  [0x800 + sizes.length, ...sizes].forEach((word, index) => header.writeUInt32BE(word, 4 * index));
  return Buffer.concat([header, ...values.map((value) => Buffer.alloc(64 * channels, value))]);
}

/** Values of the images in a packed file, and how long its header is. */
function valuesOf(packed, channels = 1) {
  const bytes = gunzipSync(packed);
  const header = channels === 1 ? 16 : 20;
  assert.equal(bytes.length, header + 64 * channels * bytes.readUInt32BE(4));
  return Array.from({ length: bytes.readUInt32BE(4) }, (_, index) => bytes[header + 64 * channels * index]);
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'data-'));
  const files = {
    'train-images.gz': gzipSync(images([10, 11, 12])),
    'train-labels.gz': labels(0, 1, 2),
    'test-images.gz': gzipSync(images([13, 14])),
    'test-labels.gz': labels(1, 2),
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(folder, name), bytes);
});

after(() => rm(folder, { recursive: true }));

const site = async () =>
  new Map([
    ['/index.html', Buffer.from('x')],
    ['/data/train-images.gz', Buffer.from('MNIST')],
  ]);

test('a folder takes the place of the data of the site, and of nothing else', async () => {
  const own = await dataReader(site, { data: folder })();
  assert.equal(own.get('/index.html').toString(), 'x');
  assert.deepEqual(valuesOf(own.get('/data/train-images.gz')), [10, 11, 12]);
  const unchanged = await dataReader(site, {})();
  assert.equal(unchanged.get('/data/train-images.gz').toString(), 'MNIST');
});

test('images for validation are kept back from the data of a folder', async () => {
  const kept = await dataReader(site, { data: folder, validation: 1 })();
  assert.deepEqual(valuesOf(kept.get('/data/train-images.gz')), [10, 11]);
  assert.deepEqual(valuesOf(kept.get('/data/test-images.gz')), [12]);
  const { train, evaluated } = await readLabels({ data: folder, validation: 1 });
  assert.deepEqual([[...train], [...evaluated]], [[0, 1], [2]]);
  const all = await readLabels({ data: folder });
  assert.deepEqual(
    [[...all.train], [...all.evaluated]],
    [
      [0, 1, 2],
      [1, 2],
    ],
  );
  const mnist = await readLabels({ validation: 5000 });
  assert.deepEqual([mnist.train.length, mnist.evaluated.length], [55_000, 5000]);
});

/** The site with these data files. */
const siteOf = (files) => async () =>
  new Map(Object.entries(files).map(([name, bytes]) => [`/data/${name}.gz`, bytes]));

test('images of three channels, and files that are not compressed, are kept back alike', async () => {
  const files = {
    'train-images': images([10, 11, 12], 3),
    'train-labels': gunzipSync(labels(0, 1, 2)),
    'test-images': images([13], 3),
    'test-labels': gunzipSync(labels(1)),
  };
  const kept = await dataReader(siteOf(files), { validation: 2 })();
  assert.deepEqual(valuesOf(kept.get('/data/train-images.gz'), 3), [10]);
  assert.deepEqual(valuesOf(kept.get('/data/test-images.gz'), 3), [11, 12]);
  assert.deepEqual([...gunzipSync(kept.get('/data/test-labels.gz'))].slice(8), [1, 2]);
});

test('what the worker would refuse of data files is refused in its words before a validation set is cut', async () => {
  const sound = { 'train-images': images([10, 11, 12]), 'train-labels': labels(0, 1, 2) };
  for (const [changed, words] of [
    [{ 'train-images': Buffer.alloc(0) }, /^train-images\.gz: it is empty/],
    [{ 'train-images': images([10, 11, 12]).subarray(0, 9) }, /^train-images\.gz: cut off/],
    [
      { 'train-images': gzipSync(images([10, 11, 12])).subarray(0, 25) },
      /^train-images\.gz: its gzip data is/,
    ],
    [{ 'train-labels': labels(0, 1) }, /holds 3 images, but train-labels\.gz has 2 labels/],
    [{ 'train-labels': gzipSync(Buffer.alloc(30)) }, /^train-labels\.gz: its gzip data is not IDX/],
    // 100 MB of zeros behind a header that promises 3 labels.
    [
      { 'train-labels': gzipSync(Buffer.concat([gunzipSync(labels(0, 1, 2)), Buffer.alloc(1e8)])) },
      /^train-labels\.gz: too long: its header promises 11 bytes/,
    ],
  ]) {
    const reading = dataReader(siteOf({ ...sound, ...changed }), { validation: 1 })();
    await assert.rejects(reading, ({ name, message }) => {
      assert.equal(name, 'UsageError');
      assert.match(message, words);
      return true;
    });
  }
});

test('a protocol asks for the labels that its runs will have, and for no others', async () => {
  await assert.rejects(
    readLabels({ data: folder, validation: 3 }),
    /--validation 3 leaves nothing to train on/,
  );
});

test('the fingerprint of data is that of a checkpoint: it tells other images, and other validation', async () => {
  const many = await mkdtemp(path.join(tmpdir(), 'data-'));
  try {
    const classes = Array.from({ length: 30 }, (_, index) => index % 3);
    const files = {
      'train-images.gz': images(classes),
      'train-labels.gz': labels(...classes),
      'test-images.gz': images([13, 14]),
      'test-labels.gz': labels(1, 2),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(path.join(many, name), bytes);
    const whole = await readFingerprint({ data: many });
    assert.match(whole, /^[\da-f]{32}$/);
    assert.equal(await readFingerprint({ data: many }), whole);
    assert.notEqual(await readFingerprint({ data: many, validation: 5 }), whole);
    await writeFile(path.join(many, 'test-images.gz'), images([13, 15]));
    assert.notEqual(await readFingerprint({ data: many }), whole);
    await assert.rejects(readFingerprint({ data: folder }), /it holds 3 images; allowed are 20 to/);
  } finally {
    await rm(many, { recursive: true });
  }
});

test('a folder without the files, and files that are no data, are told by name', async () => {
  const none = path.join(folder, 'none');
  await assert.rejects(
    dataReader(site, { data: none })(),
    /--data .*none: .*train-images\.gz cannot be read \(ENOENT.*The folder has to hold train-images\.gz, train-labels/,
  );
  await assert.rejects(dataReader(site, { validation: 1 })(), /train-images\.gz: it is neither gzip nor IDX/);
});

test('every command that trains takes a folder, and names it again where it says how to go on', () => {
  assert.deepEqual(dataWords(parseTrainOptions(['--out', 'a', '--data', 'b c', '--validation', '5'])), [
    ...['--data', 'b c', '--validation', '5'],
  ]);
  assert.deepEqual(dataWords(parseTrainOptions(['--out', 'a'])), []);
  for (const parse of [parseProtocolOptions, parseSweepOptions]) {
    const options = parse(['--out', 'a', '--jobs', '2', '--data', 'b c', '--validation', '5']);
    assert.deepEqual([options.data, options.validation], ['b c', 5]);
    for (const words of ["--data 'b c'", '--validation 5', '--jobs 2', '--out a', '--resume']) {
      assert.ok(options.resumeCommand.includes(words), `${words}: ${options.resumeCommand}`);
    }
  }
  // A folder that begins with a dash is no option.
  assert.deepEqual(dataWords({ data: '-b' }), ['--data', './-b']);
  const onGrid = parseSweepOptions(['--out', 'a', '--grid', 'http://hub:4444'], {});
  assert.match(onGrid.resumeCommand, /sweep -- --resume --out a --grid http:\/\/hub:4444$/);
});
