/** `npm run bench` from end to end: figures of a short run, and refusals before a long one. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runScript } from './support/scripts.mjs';

let folder;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bench-'));
});

after(() => rm(folder, { recursive: true }));

const isDuration = (value) => typeof value === 'number' && value > 0;

describe('the benchmark', () => {
  test('lets engines and a yardstick take turns and writes what it measured', async () => {
    const file = path.join(folder, 'results', 'cpu.json');
    const args = [
      '--engines',
      'wasm,tfjs-wasm',
      '--threads',
      '1',
      '--steps',
      '1',
      '--kernels',
      '--json',
      file,
      '--html',
      path.join(folder, 'cpu.html'),
    ];
    const { code, output } = await runScript('bench', args, { WIDE_VECTORS: '1' });
    assert.equal(code, 0, output);
    assert.match(output, /^step: wasm x1 against tfjs-wasm +\d+\.\d\d/m);
    const written = JSON.parse(await readFile(file, 'utf8'));
    assert.deepEqual([written.schema, written.version], ['sgan-trainer/benchmark', 2]);
    assert.ok(written.machine.cores > 0);
    assert.match(written.machine.browser, /Chrom.*, launched with --wasm-revectorize$/);
    assert.match(await readFile(path.join(folder, 'cpu.html'), 'utf8'), /<sgan-benchmark viewer>/);
    assert.equal(Math.round(written.arithmetic.multiplyAdds / 1e6), 471);
    assert.ok(isDuration(written.peaks.microKernel.relaxed.median));
    const names = written.results.map(({ engine, threads }) => [engine, threads]);
    assert.deepEqual(names, [
      ['wasm', 1],
      ['tfjs-wasm', null],
    ]);
    const [{ operations: kernels }] = written.results;
    assert.ok(kernels.length > 30);
    for (const { name, ms, multiplyAdds, gflops } of kernels)
      assert.equal(gflops !== null, multiplyAdds > 0 && ms > 0, name);
    for (const {
      firstStepMs,
      msPerStep,
      evaluationMs,
      evaluationCorrect,
      difference,
      ...rest
    } of written.results) {
      assert.ok([firstStepMs, evaluationMs].every(isDuration));
      assert.ok(0 < msPerStep.min && msPerStep.min <= msPerStep.median && msPerStep.median <= msPerStep.max);
      assert.equal(rest.evaluationImages, 10_000);
      // The yardstick computes the very step that the engine does.
      for (const [kind, value] of Object.entries(difference))
        assert.ok(value < 1e-4, `${rest.engine} ${kind} ${value}`);
      assert.ok(evaluationCorrect > 0 && evaluationCorrect < 10_000);
      for (const name of ['jsMsPerStep', 'dispatchesPerStep', 'submitsPerStep', 'uploadedBytesPerStep']) {
        assert.equal(rest[name], null, name);
      }
    }
  });

  test('measures a stage of a recipe by itself', async () => {
    const file = path.join(folder, 'look.json');
    const stage = ['--recipe', 'few-labels', '--stage', 'look'];
    const args = [
      ...stage,
      '--engines',
      'wasm',
      '--batch',
      '24',
      '--threads',
      '1,2',
      '--steps',
      '1',
      '--json',
      file,
    ];
    const { code, output } = await runScript('bench', args);
    assert.equal(code, 0, output);
    assert.match(output, /recipe few-labels, stage look, batch 24/);
    const { recipe, stage: measured, run, arithmetic, results } = JSON.parse(await readFile(file, 'utf8'));
    assert.deepEqual([recipe, measured], ['few-labels', 'look']);
    assert.deepEqual([run.steps, run.evaluations], [2000, 0]);
    assert.ok(arithmetic.multiplyAdds > 1e8);
    for (const { threads, failure, difference } of results) {
      assert.equal(failure, null);
      // There are no logits where two views find each other.
      assert.equal(difference.logits, null);
      assert.ok(difference.losses < 1e-4 && difference.gradients < 1e-4, String(threads));
    }
  });

  test('says what to install where a yardstick has no Python', async () => {
    const { code, output } = await runScript('bench', ['--engines', 'pytorch', '--python', folder]);
    assert.equal(code, 1);
    assert.match(
      output,
      /pytorch needs a Python with the package torch, .*-m venv .*pytorch.*requirements\.txt/,
    );
  });

  test('names the engines that it has where one is unknown', async () => {
    const { code, output } = await runScript('bench', ['--engines', 'cuda']);
    assert.equal(code, 1);
    assert.match(output, /--engines is "cuda"; allowed are webgpu, .*tensorflow and all\./);
  });
});
