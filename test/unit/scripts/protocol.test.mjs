/** The protocol's options and sums, and the data that settings are chosen on. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  EARLIER,
  checkEarlier,
  joinedText,
  readEarlier,
  takenDraws,
} from '../../../scripts/lib/earlier-protocol.mjs';
import { parseProtocolOptions, protocolHelp } from '../../../scripts/lib/protocol-options.mjs';
import { VERSION, describeProtocol, summarise } from '../../../scripts/lib/protocol-results.mjs';
import { protocol, protocolOf, readBegun } from '../../../scripts/lib/protocol-run.mjs';
import { readLabels, withValidation } from '../../../scripts/lib/run-data.mjs';
import { planSweep, settingsOf } from '../../../scripts/lib/sweep-plan.mjs';
import { rowOf, writeResults } from '../../../scripts/lib/sweep-results.mjs';
import { writeRun } from './support/checkpoint.mjs';

async function inFolder(context) {
  const folder = await mkdtemp(path.join(tmpdir(), 'protocol-'));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

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
  // Begun, it has what is usual.
  const options = parseProtocolOptions(['--out', 'a']);
  assert.equal(protocolOf(options, null).seeds.length, 10);
});

test('a folder of a sweep that is no protocol names the command that goes on with it', async (context) => {
  const folder = await inFolder(context);
  const settings = { balanced: true, evalEvery: 0 };
  const begin = async (lists, given) => {
    const plan = planSweep({
      lists: { recipes: ['notebook'], labels: [20], seeds: [1], ...lists },
      settings: given,
    });
    await writeResults(folder, plan, []);
    const written = JSON.parse(await readFile(path.join(folder, 'sweep.json'), 'utf8'));
    await writeFile(path.join(folder, 'sweep.json'), JSON.stringify({ ...written, runs: plan.runs }));
    return plan;
  };
  const read = (isResumed) => readBegun(folder, { out: 'runs/a', isResumed });
  assert.equal(await read(false), null);
  for (const [lists, given] of [
    [{ labels: [20, 100] }, settings],
    [{}, {}],
  ]) {
    await begin(lists, given);
    for (const isResumed of [false, true]) {
      await assert.rejects(
        read(isResumed),
        /^UsageError: --out runs\/a holds a sweep, not a protocol\. Go on with it: npm run sweep -- --resume --out runs\/a, or/,
      );
    }
  }
  const plan = await begin({}, settings);
  assert.deepEqual(await read(true), plan);
  assert.equal(await read(false), null);
  const again = protocol(parseProtocolOptions(['--out', folder]));
  await assert.rejects(
    again,
    /is not empty\. Name another folder, or go on with the protocol in it: npm run protocol/,
  );
});

test('a protocol whose runs would end before there is an accuracy is refused', async (context) => {
  const folder = await inFolder(context);
  const asked = (...words) => protocol(parseProtocolOptions(['--out', folder, ...words]));
  const refusal = (step) =>
    new RegExp(`ends before there is an accuracy, which few-labels-labels100-seed1 has from step ${step} on`);
  await assert.rejects(asked('--steps', '1'), refusal(2));
  // One that was begun has the stages of that many steps.
  const settings = { balanced: true, evalEvery: 0, steps: 5000 };
  const plan = planSweep({ lists: { recipes: null, labels: [100], seeds: [1] }, settings });
  const [run] = plan.runs;
  await writeRun(path.join(folder, run.name), settingsOf(run, settings), 100, { unmeasuredSteps: 2000 });
  await writeResults(folder, plan, [rowOf(run, {})]);
  await assert.rejects(asked('--resume', '--steps', '500'), refusal(2001));
});

test('a protocol of more labels than there are is refused before its runs', async (context) => {
  const folder = await inFolder(context);
  const out = path.join(folder, 'a');
  const asked = protocol(parseProtocolOptions(['--out', out, '--labels', '60000']));
  await assert.rejects(asked, /^UsageError: .*"labels" is 60,?000/);
  assert.deepEqual(await readdir(folder), []);
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

const machine = { cpu: 'one' };

/** As protocol.json has it. */
function protocolWith(draws, more = {}) {
  const { mean } = summarise(
    draws.map(({ accuracy }) => accuracy),
    1,
  );
  return {
    ...{ version: VERSION, recipe: 'few-labels', labels: 2, settings: { steps: 40 }, machine, draws, mean },
    ...more,
  };
}

const DRAWS = [
  { draw: 1, accuracy: 0.98, steps: 40, seconds: 2.5, labelled: [1, 2] },
  { draw: 3, accuracy: 0.99, steps: 40, seconds: 2.5, labelled: [3, 4], machine: { cpu: 'another' } },
];

test('an earlier protocol is taken over where it differs in nothing but its draws', async (context) => {
  const folder = await inFolder(context);
  const name = path.join(folder, 'protocol.json');
  const read = () => readEarlier({ addTo: name, out: folder, version: VERSION });
  const own = {
    ...{ recipe: 'few-labels', labels: 2, settings: { steps: 40, float16: false } },
    labelled: (seed) => [seed, seed + 1],
  };
  assert.deepEqual(await readEarlier({ addTo: undefined, out: folder, version: VERSION }), []);
  await writeFile(name, JSON.stringify(protocolWith(DRAWS)));
  const [earlier] = await read();
  checkEarlier(earlier, own);
  assert.deepEqual(
    takenDraws([earlier]).map(({ draw, machine: { cpu } }) => [draw, cpu]),
    [
      [1, 'one'],
      [3, 'another'],
    ],
  );
  assert.deepEqual(takenDraws([]), []);
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
});

test('an earlier protocol that is damaged is refused with what is wrong with it', async (context) => {
  const folder = await inFolder(context);
  const name = path.join(folder, 'protocol.json');
  const read = (addTo = name) => readEarlier({ addTo, out: folder, version: VERSION });
  await assert.rejects(read(path.join(folder, 'none.json')), /--add-to .*none\.json: it cannot be read/);
  await writeFile(name, '{');
  await assert.rejects(read(), /it is no JSON/);
  const [draw] = DRAWS;
  for (const [bad, problem] of [
    [protocolWith(DRAWS, { version: 0 }), /it is no protocol of version 1/],
    [protocolWith([]), /it has no draws/],
    [protocolWith(DRAWS, { draws: null }), /damaged: it has no list of draws/],
    [protocolWith(DRAWS, { settings: null }), /damaged: it has no settings/],
    [protocolWith([draw, draw]), /damaged: it has its draw 1 twice/],
    [protocolWith([{ ...draw, accuracy: '1' }]), /damaged: its draw 1 has "1" as "accuracy"/],
    [
      protocolWith([{ ...draw, accuracy: 98 }]),
      /damaged: its draw 1 has 98 as "accuracy", not a share from 0 to 1/,
    ],
    [protocolWith([{ ...draw, accuracy: -0.1 }]), /damaged: its draw 1 has -0\.1 as "accuracy"/],
    [protocolWith([{ ...draw, seconds: null }]), /damaged: its draw 1 has null as "seconds"/],
    [protocolWith([{ ...draw, steps: 0.5 }]), /damaged: its draw 1 has 0\.5 as "steps"/],
    [protocolWith([draw, { ...draw, draw: 'x' }]), /damaged: the draw at place 2 of its list has no number/],
    [protocolWith([{ ...draw, labelled: undefined }]), /damaged: its draw 1 has no list of labelled images/],
    [protocolWith([{ ...draw, labelled: ['1'] }]), /damaged: its draw 1 has no list of labelled images/],
    [protocolWith(DRAWS, { mean: 0.5 }), /damaged: its mean is 0\.5, that of its draws is 0\.985/],
  ]) {
    await writeFile(name, JSON.stringify(bad));
    await assert.rejects(
      read(),
      (error) => error.name === 'UsageError' && problem.test(error.message),
      problem,
    );
  }
  const kept = path.join(folder, EARLIER);
  await writeFile(kept, '{');
  await assert.rejects(
    readEarlier({ addTo: undefined, out: folder, version: VERSION }),
    /^UsageError: .*earlier-protocol\.json: it is no JSON\. Put back the one that was there, or move it away/,
  );
});

test('a protocol that goes on keeps what it took over, and takes over more', async (context) => {
  const folder = await inFolder(context);
  const settings = { balanced: true, evalEvery: 0, steps: 40 };
  const plan = planSweep({ lists: { recipes: null, labels: [20], seeds: [1] }, settings });
  const [run] = plan.runs;
  await writeRun(path.join(folder, run.name), settingsOf(run, settings), 40);
  await writeResults(folder, plan, [rowOf(run, {})]);
  const { labelled, ...described } = describeProtocol(
    { recipe: 'few-labels', labels: 20, settings, data: {} },
    await readLabels({}),
  );
  const write = async (name, cpu, draws) => {
    const file = path.join(folder, name);
    const own = draws.map(([draw, accuracy]) => ({ ...DRAWS[0], draw, accuracy, labelled: labelled(draw) }));
    await writeFile(file, JSON.stringify(protocolWith(own, { ...described, machine: { cpu } })));
    return file;
  };
  await write(EARLIER, 'first', [[2, 0.9]]);
  const more = await write('more.json', 'second', [
    [1, 0.1],
    [2, 0.1],
    [3, 0.8],
  ]);
  const goOn = async (...words) => {
    assert.equal(await protocol(parseProtocolOptions(['--resume', '--out', folder, ...words])), 0);
    const { draws } = JSON.parse(await readFile(path.join(folder, 'protocol.json'), 'utf8'));
    return draws.map(({ draw, accuracy, machine: on }) => [draw, accuracy, on?.cpu]);
  };
  const joined = [
    [1, 0.75, undefined],
    [2, 0.9, 'first'],
    [3, 0.8, 'second'],
  ];
  assert.deepEqual(await goOn('--add-to', more), joined);
  // The file may go: its draws are kept, as one protocol that is whole.
  await rm(more);
  assert.deepEqual(await goOn(), joined);
  const again = await readEarlier({ addTo: path.join(folder, EARLIER), out: folder, version: VERSION });
  assert.equal(again[0].text, joinedText(again, 10));
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
