/** What `npm run bench` can be asked for, and what it makes of its figures. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBenchOptions } from '../../../scripts/lib/bench-options.mjs';
import { formatKernels, formatReport, formatResults, ratiosOf } from '../../../scripts/lib/bench-report.mjs';
import { makeResultPage } from '../../../scripts/lib/bench-html.mjs';
import { importSource } from '../../../scripts/lib/source-modules.mjs';

const { emptyResult } = await importSource('src/protocol/benchmark/report.ts');

const MICRO_KERNEL = { relaxed: { median: 4, max: 4 }, plain: { median: 2, max: 2 } };

const parse = (...args) => parseBenchOptions(args, {});

const result = (engine, threads, median, more = {}) => ({
  ...emptyResult({ engine, threads }),
  firstStepMs: 100,
  msPerStep: { min: median / 2, p10: median, median, p90: median, max: median * 2 },
  steps: 5,
  ...more,
});

const reportWith = (results) => ({
  machine: { browser: 'Chrome', cpu: 'A processor', cores: 2, isIsolated: true, loadAverageBefore: 0 },
  adapter: null,
  recipe: 'notebook',
  batch: 32,
  date: null,
  arithmetic: { multiplyAdds: 10e6 },
  run: { steps: 100, evaluations: 2, testImages: 10_000 },
  peaks: { adapter: null, microKernel: MICRO_KERNEL },
  wasHidden: false,
  isComplete: true,
  results,
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
    assert.throws(
      () => parse('--recipe', 'cifar'),
      /--recipe is "cifar"; allowed are few-labels, .*notebook,/,
    );
  });

  it('take a preset instead of rounds, and another batch, not for yardsticks outside', () => {
    assert.equal(parse('--steps', '7').pacing.mostTurns, 7);
    assert.equal(parse('--steps', '7').pacing.budgetMs, null);
    assert.equal(parse('--preset', 'quick').pacing.budgetMs, 30_000);
    assert.equal(parse('--batch', '64').batch, 64);
    assert.throws(() => parse('--preset', 'quick', '--steps', '5'), /exclude each other/);
    assert.throws(
      () => parse('--batch', '64', '--engines', 'pytorch'),
      /pytorch know the recipe's own batch only/,
    );
    assert.throws(() => parse('--batch', '5'), /--batch is "5"/);
  });

  it('refuse one file for two results', () => {
    assert.throws(() => parse('--json', 'a', '--html', './a'), /--json and --html name the same file/);
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

describe('the stage that is measured', () => {
  const recipe = ['--recipe', 'few-labels'];

  it('is the longest that learns from labels unless one is named, which the recipe has to have', () => {
    assert.equal(parse('--engines', 'wasm', ...recipe).stage, null);
    assert.equal(parse('--engines', 'wasm', ...recipe, '--stage', 'look').stage, 'look');
    assert.throws(
      () => parse('--engines', 'wasm', ...recipe, '--stage', 'rest'),
      /--stage is "rest"; allowed are look, spread, learn, draw\./,
    );
    assert.throws(
      () => parse('--engines', 'wasm', '--stage', 'look'),
      /--stage is "look"; allowed are train\./,
    );
  });

  it('is known to plain TensorFlow.js, to PyTorch where it is look or learn, eager and compiled, and to no other yardstick', () => {
    const enginesOf = (...args) => parse(...recipe, ...args).contenders.map(({ engine }) => engine);
    assert.deepEqual(enginesOf('--engines', 'wasm,pytorch', '--threads', '1'), [
      'wasm',
      'pytorch',
      'pytorch-compiled',
    ]);
    assert.throws(
      () => enginesOf('--engines', 'wasm,pytorch', '--stage', 'spread'),
      /pytorch can train the recipe notebook and the stages look and learn .* only, not few-labels, stage spread/,
    );
    for (const stage of ['look', 'spread', 'learn', 'draw'])
      assert.deepEqual(enginesOf('--engines', 'tfjs-wasm', '--stage', stage), ['tfjs-wasm']);
    assert.throws(
      () => parse('--engines', 'tfjs-wasm', '--recipe', 'labels-only'),
      /tfjs-wasm can train the recipe notebook and the recipes few-labels, .* and labels-only-augmented only/,
    );
    assert.throws(() => enginesOf('--engines', 'jax-js'), /jax-js can train the recipe notebook only/);
    assert.ok(!enginesOf('--engines', 'all').includes('jax-js'));
    assert.ok(enginesOf('--engines', 'all').includes('tfjs-wasm'));
    assert.deepEqual(
      parse('--engines', 'pytorch', '--threads', '1').contenders.map(({ engine }) => engine),
      ['pytorch'],
    );
    assert.throws(() => parse('--engines', 'pytorch-compiled'), /can train the stages look and learn/);
  });
});

describe('the figures of the benchmark', () => {
  const results = [
    result('wasm', 1, 10, { evaluationMs: 100, evaluationImages: 10_000 }),
    result('wasm', 2, 5, { evaluationMs: 50, evaluationImages: 10_000 }),
    result('tfjs-wasm', null, 60, { evaluationMs: 20, evaluationImages: 1000 }),
    result('pytorch', 1, 15),
  ];

  it('are held against each other where both engines took part, per image where they evaluated', () => {
    const ratios = ratiosOf(reportWith(results));
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

  it('are asked for what their recipe and stage are, of no other', () => {
    const asked = (changed) =>
      ratiosOf({ ...reportWith(results), ...changed })
        .filter(({ aim }) => aim !== null)
        .map(({ name, aim }) => `${name}: ${aim}`);
    assert.ok(asked({}).includes('step: wasm x1 against pytorch x1: 1'));
    assert.deepEqual(asked({ recipe: 'few-labels', stage: 'learn' }), [
      'step: wasm x1 against pytorch x1: 1.7',
      'step: wasm x2 against wasm x1: 1.6',
      "step: wasm x1, share of the micro-kernel's rate: 0.5",
    ]);
    assert.deepEqual(asked({ recipe: 'few-labels', stage: 'look' }), [
      "step: wasm x1, share of the micro-kernel's rate: 0.5",
    ]);
  });

  it('are a table with a dash where one does not apply, then who did not run and why', () => {
    const failed = { ...emptyResult({ engine: 'webgpu', threads: null }), failure: 'There is no GPU.' };
    const lines = formatResults(reportWith([...results, failed])).split('\n');
    assert.match(lines[0], /^engine +ms a step +best +10-90 % +steps/);
    assert.match(lines[4], /^pytorch x1 +15 +7\.5 +15-15 +5 +4 x .* – +1\.33 +–$/);
    assert.equal(lines[5], 'webgpu did not run: There is no GPU.');
    assert.match(
      formatReport(reportWith(results)),
      /^Chrome, A processor, 2 cores, recipe notebook, batch 32\n\nengine/,
    );
  });

  it('are held against the peaks by operation', () => {
    const operations = [
      { name: 'conv2', kind: 'product', ms: 2, multiplyAdds: 1e6, gflops: 1, gigabytesPerSecond: null },
    ];
    const peaks = { adapter: null, microKernel: MICRO_KERNEL };
    const timed = { ...result('wasm', 1, 10), operations, operationsTimedBy: 'clock' };
    const table = formatKernels([timed], peaks);
    assert.match(table, /wasm x1 by operation, 2\.00 ms in all, by the clock/);
    assert.match(table, /conv2 +product +2\.000 +1\.00 +25 % +- +-/);
  });
});

describe('the page with the figures inside', () => {
  it('is one file that nothing in a name can break out of', async () => {
    const name = '</script><script>alert(1)</script>';
    const page = await makeResultPage({ ...reportWith([result('wasm', 1, 10)]), name });
    assert.ok(!page.includes('<script>alert'));
    assert.match(page, /<title>&lt;\/script&gt;/);
    const [, json] = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(page);
    assert.equal(JSON.parse(json).name, name);
    // Everything is inside: scripts and styles without an address, one script of the element.
    assert.ok(!/ (src|href)="(?!data:)/.test(page));
    assert.equal(page.match(/<\/script>/g).length, 2);
  });
});
