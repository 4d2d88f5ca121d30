/** What `npm run bench` can be asked for, and what it makes of its figures. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBenchOptions } from '../../../scripts/lib/bench-options.mjs';
import { formatKernels, formatResults, ratiosOf } from '../../../scripts/lib/bench-report.mjs';

const parse = (...args) => parseBenchOptions(args, {});

const result = (engine, threads, median, evaluation = {}) => ({
  engine,
  threads,
  firstStepMs: null,
  msPerStep: { min: median / 2, median, max: median * 2 },
  jsMsPerStep: null,
  dispatchesPerStep: null,
  submitsPerStep: null,
  uploadedBytesPerStep: null,
  evaluationMs: null,
  evaluationImages: null,
  bufferBytes: null,
  ...evaluation,
});

describe('the options of the benchmark', () => {
  it('make a contender for each number of threads where an engine has threads', () => {
    const { contenders } = parse('--engines', 'webgpu,wasm,tfjs-wasm', '--threads', '1,2');
    assert.deepEqual(contenders, [
      { engine: 'webgpu', threads: null },
      { engine: 'wasm', threads: 1 },
      { engine: 'wasm', threads: 2 },
      { engine: 'tfjs-wasm', threads: null },
    ]);
  });

  it('name an engine, a runtime or a recipe once it is unknown', () => {
    assert.throws(
      () => parse('--engines', 'webgpu,torch'),
      /--engines is "torch"; allowed are webgpu, wasm, tfjs-webgpu,/,
    );
    assert.throws(() => parse('--runtime', 'deno'), /--runtime is "deno"; allowed are browser, dawn\./);
    assert.throws(() => parse('--recipe', 'cifar'), /--recipe is "cifar"; allowed are notebook,/);
  });

  it('refuse a peer with a recipe that it does not know, and a CPU engine on Dawn', () => {
    const recipe = ['--recipe', 'labels-only'];
    assert.throws(
      () => parse('--engines', 'webgpu,jax-js', ...recipe),
      /^UsageError: jax-js can train the recipe notebook only/,
    );
    assert.equal(parse('--engines', 'webgpu,wasm', ...recipe).recipe, 'labels-only');
    assert.throws(() => parse('--engines', 'webgpu,wasm', '--runtime', 'dawn'), /Dawn for Node has no wasm/);
  });
});

const MICRO_KERNEL = { relaxed: { median: 4, max: 4 }, plain: { median: 2, max: 2 } };

describe('the figures of the benchmark', () => {
  const results = [
    result('wasm', 1, 10, { evaluationMs: 100, evaluationImages: 10_000 }),
    result('wasm', 2, 5, { evaluationMs: 50, evaluationImages: 10_000 }),
    result('tfjs-wasm', null, 60, { evaluationMs: 20, evaluationImages: 1000 }),
    result('pytorch', 1, 15),
  ];

  it('are held against each other where both engines took part, per image where they evaluated', () => {
    const ratios = ratiosOf(results, { multiplyAdds: 10e6 }, { microKernel: MICRO_KERNEL });
    const byName = Object.fromEntries(ratios.map(({ name, times }) => [name, times]));
    assert.deepEqual(byName, {
      'step: wasm x1 against pytorch x1': 1.5,
      'step: wasm x1 against tfjs-wasm': 6,
      'step: wasm x2 against tfjs-wasm': 12,
      'step: wasm x2 against wasm x1': 2,
      'evaluation: wasm x2 against tfjs-wasm': 4,
      "step: wasm x1, share of the micro-kernel's rate": 0.5,
    });
  });

  it('are a dash in the table where they do not apply', () => {
    const [, , , , pytorch] = formatResults(results).split('\n');
    assert.match(pytorch, /^pytorch x1 +- +15\.00 +7\.50 +30\.00( +-){6}$/);
  });

  it('are held against the peaks by operation', () => {
    const kernels = [
      { name: 'conv2', kind: 'product', ms: 2, multiplyAdds: 1e6, gflops: 1, gigabytesPerSecond: null },
    ];
    const peaks = { adapter: null, microKernel: MICRO_KERNEL };
    const table = formatKernels([{ ...result('wasm', 1, 10), kernels }], peaks);
    assert.match(table, /wasm x1 by operation, 2\.00 ms in all/);
    assert.match(table, /conv2 +product +2\.000 +1\.00 +25 % +- +-/);
  });
});
