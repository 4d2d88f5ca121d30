/** What a run trains on: the site's data, those of a folder, and some images kept back. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { dataReader, dataWords, readLabels } from '../../../scripts/lib/run-data.mjs';
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

function images(...values) {
  const header = Buffer.alloc(16);
  [0x803, values.length, 1, 1].forEach((word, index) => header.writeUInt32BE(word, 4 * index));
  return gzipSync(Buffer.concat([header, Buffer.from(values)]));
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'data-'));
  const files = {
    'train-images.gz': images(10, 11, 12),
    'train-labels.gz': labels(0, 1, 2),
    'test-images.gz': images(13, 14),
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
  assert.deepEqual([...gunzipSync(own.get('/data/train-images.gz'))].slice(-3), [10, 11, 12]);
  const unchanged = await dataReader(site, {})();
  assert.equal(unchanged.get('/data/train-images.gz').toString(), 'MNIST');
});

test('images for validation are kept back from the data of a folder', async () => {
  const kept = await dataReader(site, { data: folder, validation: 1 })();
  assert.deepEqual([...gunzipSync(kept.get('/data/train-images.gz'))].slice(16), [10, 11]);
  assert.deepEqual([...gunzipSync(kept.get('/data/test-images.gz'))].slice(16), [12]);
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

test('a folder without the files, and files that are not compressed, are told by name', async () => {
  const none = path.join(folder, 'none');
  await assert.rejects(
    dataReader(site, { data: none })(),
    /--data .*none: .*train-images\.gz cannot be read \(ENOENT.*The folder has to hold train-images\.gz, train-labels/,
  );
  await assert.rejects(
    dataReader(site, { validation: 1 })(),
    /train-images\.gz cannot be unpacked \(.*\); compress it by gzip/,
  );
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
  const onGrid = parseSweepOptions(['--out', 'a', '--grid', 'http://hub:4444'], {});
  assert.match(onGrid.resumeCommand, /sweep -- --resume --out a --grid http:\/\/hub:4444$/);
});
