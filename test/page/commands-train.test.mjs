/** `npm run train` from end to end: files, signals, going on, refusals. Tiny runs of real training. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runScript, startScript, TINY_DATA, TINY_RUN } from './support/scripts.mjs';

const TINY = [...TINY_RUN, '--eval-every', '2'];

let folder;
/** A run of four steps that nothing interrupted. */
let unbroken;

const inFolder = (...parts) => path.join(folder, ...parts);

async function readLines(...parts) {
  const text = await readFile(inFolder(...parts, 'metrics.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** A checkpoint without what depends on the clock: the time, and the digest, which covers it. */
async function readTimeless(...parts) {
  const bytes = await readFile(inFolder(...parts, 'checkpoint.safetensors'));
  const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, headerEnd).toString());
  const { digest, ...metadata } = header.__metadata__;
  const { elapsedMs, evaluations, ...progress } = JSON.parse(metadata.progress);
  assert.ok(elapsedMs > 0 && digest !== undefined);
  const timeless = evaluations.map((evaluation) => ({ ...evaluation, elapsedMs: evaluation.elapsedMs > 0 }));
  return {
    header: { ...header, __metadata__: { ...metadata, progress: { ...progress, evaluations: timeless } } },
    data: bytes.subarray(headerEnd),
  };
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'train-'));
  unbroken = await runScript('train', [...TINY, '--steps', '4', '--out', inFolder('unbroken')]);
});

after(() => rm(folder, { recursive: true }));

describe('a run', () => {
  test('ends well and says each evaluation and where it is', () => {
    assert.equal(unbroken.code, 0, unbroken.output);
    for (const step of [1, 2, 4])
      assert.match(unbroken.output, new RegExp(`^step ${step}: test accuracy \\d+\\.\\d\\d %`, 'm'));
    assert.match(unbroken.output, /Finished 4 steps in .*, test accuracy .*unbroken/);
  });

  test('leaves its four files whole and nothing else', async () => {
    const names = (await readdir(inFolder('unbroken'))).sort();
    assert.deepEqual(names, ['checkpoint.safetensors', 'metrics.jsonl', 'run.json', 'samples.png']);
    const png = await readFile(inFolder('unbroken', 'samples.png'));
    assert.equal(png.subarray(1, 4).toString(), 'PNG');
  });

  test('writes an object an evaluation into metrics.jsonl', async () => {
    const lines = await readLines('unbroken');
    assert.deepEqual(
      lines.map(({ step }) => step),
      [1, 2, 4],
    );
    for (const line of lines) {
      assert.deepEqual(Object.keys(line), [
        'step',
        'trainAccuracy',
        'testAccuracy',
        'discriminatorLoss',
        'generatorLoss',
        'realUnlabelledLoss',
        'fakeLoss',
        'supervisedLoss',
        'fakeAsRealLoss',
        'featureMatchingLoss',
        'readShare',
        'classBits',
        'pixelDeviation',
        'elapsedMs',
      ]);
      assert.ok(line.testAccuracy > 0 && line.testAccuracy < 1);
      assert.ok(line.discriminatorLoss > 0 && line.generatorLoss > 0);
    }
    assert.ok(lines[0].elapsedMs < lines[1].elapsedMs && lines[1].elapsedMs < lines[2].elapsedMs);
  });

  test('describes itself in run.json, every default filled in', async () => {
    const run = JSON.parse(await readFile(inFolder('unbroken', 'run.json'), 'utf8'));
    assert.equal(run.recipe, 'notebook');
    assert.equal(run.seed, 1);
    assert.equal(run.engine, 'wasm');
    assert.match(run.browser, /Chrom/);
    assert.match(run.versions.tfjs, /^\d+\.\d+\.\d+$/);
    const { steps, batch, evalEvery, labels, dropout, discriminatorLr } = run.settings;
    assert.deepEqual([steps, batch, evalEvery, labels, dropout, discriminatorLr], [4, 10, 2, 900, 0.5, 1e-3]);
    assert.deepEqual(
      run.sessions.map(({ fromStep }) => fromStep),
      [0],
    );
  });
});

describe('a run that is interrupted', () => {
  test('by SIGTERM in the middle ends with a checkpoint, and resumed equals an unbroken one bit for bit', async () => {
    const script = startScript('train', [...TINY, '--steps', '4', '--out', inFolder('broken')]);
    await script.said(/^step 1: /m);
    script.child.kill('SIGTERM');
    const { code, output } = await script.ended;
    assert.equal(code, 143);
    assert.match(output, /Stopped after step \d of 4\. To go on: npm run train -- --resume .*broken/);
    assert.ok((await readLines('broken')).length < 3, 'it stopped before its end');

    const resumed = await runScript('train', ['--resume', inFolder('broken')]);
    assert.equal(resumed.code, 0, resumed.output);
    assert.deepEqual(await readTimeless('broken'), await readTimeless('unbroken'));
    assert.ok(
      (await readFile(inFolder('broken', 'samples.png'))).equals(
        await readFile(inFolder('unbroken', 'samples.png')),
      ),
    );
    const withoutTime = ({ elapsedMs, ...line }) => ({ ...line, hasTime: elapsedMs > 0 });
    assert.deepEqual(
      (await readLines('broken')).map(withoutTime),
      (await readLines('unbroken')).map(withoutTime),
    );
  });

  test('by Ctrl-C while it loads ends well too', async () => {
    const args = [...TINY, '--steps', '2', '--validation', '200', '--out', inFolder('early')];
    const script = startScript('train', args);
    await script.said(/Starting the engine/);
    script.child.kill('SIGINT');
    const { code, output } = await script.ended;
    assert.equal(code, 130, output);
    assert.match(output, /To go on: npm run train -- --resume \S+early --data \S+ --validation 200$/m);
    const { data, validation } = JSON.parse(await readFile(inFolder('early', 'run.json'), 'utf8'));
    assert.deepEqual(['--data', data], TINY_DATA);
    assert.equal(validation, 200);
    const resumed = await runScript('train', ['--resume', inFolder('early')]);
    assert.equal(resumed.code, 0, resumed.output);
    assert.deepEqual(
      (await readLines('early')).map(({ step }) => step),
      [1, 2],
    );
  });
});

describe('going on', () => {
  test('from a file works in a new folder, to a new total, and exports the networks', async () => {
    const checkpoint = inFolder('unbroken', 'checkpoint.safetensors');
    const before = await readFile(checkpoint);
    const args = ['--resume', checkpoint, '--out', inFolder('longer'), '--steps', '5', '--export'];
    const { code, output } = await runScript('train', args);
    assert.equal(code, 0, output);
    assert.deepEqual(
      (await readLines('longer')).map(({ step }) => step),
      [1, 2, 4, 5],
    );
    const run = JSON.parse(await readFile(inFolder('longer', 'run.json'), 'utf8'));
    assert.equal(run.settings.steps, 5);
    assert.deepEqual(
      run.sessions.map(({ fromStep }) => fromStep),
      [0, 4],
    );
    for (const network of ['generator', 'discriminator']) {
      const model = JSON.parse(await readFile(inFolder('longer', 'model', network, 'model.json'), 'utf8'));
      assert.ok(model.modelTopology !== undefined && model.weightsManifest.length > 0);
    }
    assert.ok(before.equals(await readFile(checkpoint)), 'the run it came from is as it was');
  });

  test('with settings that contradict the checkpoint is refused', async () => {
    const { code, output } = await runScript('train', ['--resume', inFolder('unbroken'), '--seed', '2']);
    assert.equal(code, 1);
    assert.match(output, /--seed 2 contradicts the checkpoint, whose seed is 1/);
  });

  test('with a finished run, or to fewer steps than are done, is refused', async () => {
    const finished = await runScript('train', ['--resume', inFolder('unbroken')]);
    assert.equal(finished.code, 1);
    assert.match(finished.output, /has finished its 4 steps; --steps N/);
    const fewer = await runScript('train', ['--resume', inFolder('unbroken'), '--steps', '3']);
    assert.equal(fewer.code, 1);
    assert.match(fewer.output, /--steps 3 is less than the 4 steps done/);
  });

  test('from something that is no checkpoint is refused', async () => {
    const args = ['--resume', inFolder('unbroken', 'samples.png'), '--out', inFolder('none')];
    const { code, output } = await runScript('train', args);
    assert.equal(code, 1);
    assert.match(output, /samples\.png: The checkpoint cannot be used/);
  });
});

describe('256-bit vectors', () => {
  // Steps enough for the choice of the micro-kernel's tile, and all stages.
  const steps = 40;

  test('make the same bits, and the run says that it had them', async () => {
    const choices = ['--engine', 'wasm', '--threads', '1', '--batch', '10', '--labels', '20'];
    const args = [...TINY_DATA, ...choices, '--steps', String(steps), '--eval-every', '0'];
    const outcomes = [];
    for (const wanted of ['1', '0']) {
      const out = inFolder(`wide-${wanted}`);
      const { code, output } = await runScript('train', [...args, '--out', out], { WIDE_VECTORS: wanted });
      assert.equal(code, 0, output);
      const { browser } = JSON.parse(await readFile(path.join(out, 'run.json'), 'utf8'));
      const { data } = await readTimeless(`wide-${wanted}`);
      outcomes.push({ data, isWide: browser.endsWith(', launched with --wasm-revectorize') });
    }
    assert.deepEqual(
      outcomes.map(({ isWide }) => isWide),
      [true, false],
    );
    assert.ok(outcomes[0].data.equals(outcomes[1].data));
  });

  test('are refused where WIDE_VECTORS says neither yes nor no', async () => {
    const out = inFolder('none');
    const { code, output } = await runScript('train', [...TINY, '--out', out], { WIDE_VECTORS: 'yes' });
    assert.equal(code, 1);
    assert.match(output, /WIDE_VECTORS is "yes"; set it to 1 or 0, or leave it out/);
  });
});

describe('refusals', () => {
  test('an existing folder is not overwritten without --force', async () => {
    const { code, output } = await runScript('train', [...TINY, '--out', inFolder('unbroken')]);
    assert.equal(code, 1);
    assert.match(output, /is not empty.*--force/s);
    assert.equal((await readLines('unbroken')).length, 3);
  });

  test('with --force it is, and a recipe without a generator has no samples', async () => {
    const args = [...TINY, '--recipe', 'labels-only', '--steps', '1', '--out', inFolder('early'), '--force'];
    const { code, output } = await runScript('train', args);
    assert.equal(code, 0, output);
    assert.deepEqual((await readdir(inFolder('early'))).sort(), [
      'checkpoint.safetensors',
      'metrics.jsonl',
      'run.json',
    ]);
    const [line] = await readLines('early');
    const losses = Object.keys(line).filter((name) => name.endsWith('Loss'));
    assert.deepEqual(losses, ['discriminatorLoss', 'supervisedLoss']);
  });

  test('a bad setting is named with its allowed range', async () => {
    const { code, output } = await runScript('train', ['--labels', '0', '--out', inFolder('none')]);
    assert.equal(code, 1);
    assert.match(output, /"labels" is 0; allowed: whole numbers from 1 to 1,000,000/);
  });
});
