/** The protocol's options and sums, and the data that settings are chosen on. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { checkEarlier, readEarlier, takenDraws } from '../../../scripts/lib/earlier-protocol.mjs';
import { parseProtocolOptions, protocolHelp } from '../../../scripts/lib/protocol-options.mjs';
import { VERSION, summarise } from '../../../scripts/lib/protocol-results.mjs';
import { protocolOf } from '../../../scripts/lib/protocol-run.mjs';
import { planSweep } from '../../../scripts/lib/sweep-plan.mjs';
import { withValidation } from '../../../scripts/lib/run-data.mjs';

test('a protocol is of one recipe and number of labels, balanced, evaluated once', () => {
  const options = parseProtocolOptions(['--labels', '20', '--draws', '3', '--out', 'a', '--steps', '40']);
  assert.deepEqual(options.settings, {
    recipe: 'few-labels',
    labels: 20,
    steps: 40,
    balanced: true,
    evalEvery: 0,
  });
  assert.deepEqual([options.draws, options.isResumed, options.validation], [3, false, undefined]);
  assert.equal(parseProtocolOptions(['--out', 'a', '--recipe', 'notebook']).settings.labels, 900);
  assert.equal(parseProtocolOptions(['--help']), null);
});

test('a protocol that stops names the command that goes on with it, whichever way it was begun', () => {
  const words = ['--labels', '20', '--draws', '3', '--out', 'a b'];
  const command = /npm .*run protocol -- --labels 20 --draws 3 --out 'a b' --resume$/;
  assert.match(parseProtocolOptions(words).resumeCommand, command);
  assert.match(parseProtocolOptions(['--resume', ...words]).resumeCommand, command);
});

test('a protocol that goes on is the one that was begun, whatever is left out of the command', () => {
  const begun = planSweep({
    lists: { recipes: ['notebook'], labels: [20], seeds: [1, 2, 3] },
    settings: { steps: 40, balanced: true, evalEvery: 0 },
    data: '/images',
  });
  const goOn = (...words) => protocolOf(parseProtocolOptions(['--out', 'a', '--resume', ...words]), begun);
  assert.deepEqual(goOn(), {
    ...{ recipe: 'notebook', labels: 20, seeds: null },
    ...{ data: '/images', validation: undefined },
  });
  assert.deepEqual(goOn('--draws', '2', '--labels', '20').seeds, [1, 2]);
  assert.throws(() => goOn('--labels', '30'), /--labels 30 contradicts the protocol, whose labels is 20/);
  assert.throws(() => goOn('--recipe', 'few-labels'), /--recipe few-labels contradicts the protocol/);
  const several = planSweep({
    lists: { recipes: ['notebook'], labels: [20, 100], seeds: [1] },
    settings: {},
  });
  assert.throws(
    () => protocolOf(parseProtocolOptions(['--out', 'a', '--resume']), several),
    /a holds a sweep, not a protocol; go on with it by npm run sweep/,
  );
  // Begun, it has what is usual.
  const options = parseProtocolOptions(['--out', 'a']);
  assert.equal(protocolOf(options, null).seeds.length, 10);
});

test('what a protocol fixes cannot be given, and what it needs is asked for', () => {
  for (const name of ['--seed', '--eval-every']) {
    assert.throws(
      () => parseProtocolOptions(['--out', 'a', name, '3']),
      /Unknown option|is no option|unknown/i,
    );
  }
  assert.throws(() => parseProtocolOptions(['--draws', '3']), /Say where the runs go/);
  assert.throws(() => parseProtocolOptions(['--out', 'a', '--draws', '0']), /--draws is "0"; allowed/);
  assert.throws(() => parseProtocolOptions(['--out', 'a', '--labels', '0']), /"labels" is 0/);
  for (const option of ['--draws', '--validation', '--labels']) assert.ok(protocolHelp().includes(option));
});

test('draws are summed up by mean, sample deviation, worst and the binomial error of the mean', () => {
  const { mean, deviation, worst, binomialError } = summarise([0.98, 0.99, 1], 10_000);
  assert.ok(Math.abs(mean - 0.99) < 1e-12);
  assert.ok(Math.abs(deviation - 0.01) < 1e-12);
  assert.equal(worst, 0.98);
  assert.ok(Math.abs(binomialError - Math.sqrt((0.99 * 0.01) / 10_000)) < 1e-12);
  assert.equal(summarise([0.5], 10).deviation, null);
  assert.equal(summarise([], 10).mean, null);
});

test('an earlier protocol is taken over where it differs in nothing but its draws', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'earlier-'));
  const name = path.join(folder, 'protocol.json');
  const write = (protocol) => writeFile(name, JSON.stringify(protocol));
  const read = (addTo = name) => readEarlier({ addTo, out: folder, version: VERSION });
  const machine = { cpu: 'one' };
  const draws = [
    { draw: 1, accuracy: 0.98, steps: 40, seconds: 2.5, labelled: [1, 2] },
    { draw: 3, accuracy: 0.99, steps: 40, seconds: 2.5, labelled: [3, 4], machine: { cpu: 'another' } },
  ];
  const protocol = {
    version: VERSION,
    recipe: 'few-labels',
    labels: 2,
    settings: { steps: 40 },
    machine,
    draws,
  };
  const own = {
    ...{ recipe: 'few-labels', labels: 2, settings: { steps: 40, float16: false } },
    labelled: (seed) => [seed, seed + 1],
  };
  try {
    assert.equal(await readEarlier({ addTo: undefined, out: folder, version: VERSION }), null);
    await write(protocol);
    const earlier = await read();
    checkEarlier(earlier, own);
    assert.deepEqual(
      takenDraws(earlier).map(({ draw, machine: { cpu } }) => [draw, cpu]),
      [
        [1, 'one'],
        [3, 'another'],
      ],
    );
    assert.deepEqual(takenDraws(null), []);
    assert.throws(() => checkEarlier(earlier, { ...own, labels: 3 }), /its labels is 2, here it is 3/);
    assert.throws(
      () => checkEarlier(earlier, { ...own, settings: { steps: 50 } }),
      /its steps is 40, here it is 50/,
    );
    assert.throws(
      () => checkEarlier(earlier, { ...own, evaluatedOn: 'the last 100 training images' }),
      /its evaluatedOn is undefined/,
    );
    assert.throws(
      () => checkEarlier(earlier, { ...own, labelled: () => [1, 2] }),
      /its draw 3 has other labelled images than here/,
    );
    await assert.rejects(read(path.join(folder, 'none.json')), /none\.json: it cannot be read/);
    await writeFile(name, '{');
    await assert.rejects(read(), /it is no JSON/);
    await write({ ...protocol, version: 0 });
    await assert.rejects(read(), /it is no protocol of version 1/);
    for (const bad of [[], [{ ...draws[0], accuracy: '1' }], null]) {
      await write({ ...protocol, draws: bad });
      await assert.rejects(read(), /it has no draws, or damaged ones/);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

function idx(magic, sizes, bytes) {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(magic);
  sizes.forEach((size, index) => header.writeUInt32BE(size, 4 + 4 * index));
  return gzipSync(Buffer.concat([header, Buffer.from(bytes)]));
}

test('validation images are the last training images, which are no longer trained on', async () => {
  const images = (...values) => values.flatMap((value) => new Array(64).fill(value));
  const files = new Map([
    ['/data/train-images.gz', idx(0x803, [4, 8, 8], images(1, 3, 5, 7))],
    ['/data/train-labels.gz', idx(0x801, [4], [1, 2, 3, 4])],
    ['/data/test-images.gz', idx(0x803, [1, 8, 8], images(9))],
    ['/data/test-labels.gz', idx(0x801, [1], [9])],
    ['/index.html', Buffer.from('x')],
  ]);
  const changed = await withValidation(files, 1);
  const contentOf = (name) => [...gunzipSync(changed.get(`/data/${name}.gz`))];
  assert.deepEqual(contentOf('train-labels'), [0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]);
  assert.deepEqual(contentOf('test-labels'), [0, 0, 8, 1, 0, 0, 0, 1, 4]);
  assert.deepEqual(contentOf('train-images').slice(4), [
    0,
    0,
    0,
    3,
    0,
    0,
    0,
    8,
    0,
    0,
    0,
    8,
    ...images(1, 3, 5),
  ]);
  assert.deepEqual(contentOf('test-images').slice(4), [0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 8, ...images(7)]);
  assert.equal(changed.get('/index.html'), files.get('/index.html'));
  await assert.rejects(withValidation(files, 4), /--validation 4 leaves nothing to train on: there are 4/);
});
