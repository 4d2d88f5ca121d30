import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { checkReport, readReport } from '../../../src/protocol/benchmark/check-report.js';
import {
  contenderLabel,
  pageContenders,
  parseContender,
  recipeRefusal,
  threadCounts,
} from '../../../src/protocol/benchmark/contenders.js';
import {
  bestPeakOf,
  distortionsOf,
  figuresOf,
  peakOf,
  verdictOf,
} from '../../../src/protocol/benchmark/figures.js';
import { stagesOf } from '../../../src/protocol/benchmark/stages.js';
import { formatFigure, formatTime, tableRows, toMarkdown } from '../../../src/protocol/benchmark/table.js';
import type { BenchmarkReport } from '../../../src/protocol/benchmark/report.js';
import { evaluationCount, isEvaluationDue } from '../../../src/protocol/evaluation-schedule.js';
import { RECIPE_NAMES, type RecipeName } from '../../../src/recipe/recipes.js';
import { reportOf, resultOf, WRONG } from '../../support/benchmark-report.js';

/** A report with something else at a place, as a file might have it. */
function broken(place: string, value: unknown): unknown {
  const copy = structuredClone(reportOf()) as unknown as Record<string, unknown>;
  const path = place.split('.');
  let at: Record<string, unknown> = copy;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>;
  at[path.at(-1)!] = value;
  return copy;
}

describe('the schema of benchmarks', () => {
  it('reads back what was written', () => {
    assert.deepEqual(readReport(JSON.stringify(reportOf())), reportOf());
  });

  it('is that of every benchmark in bench/results', async () => {
    const files = (await readdir('bench/results')).filter(
      (name) => name.endsWith('.json') && !name.startsWith('gpu-audit'),
    );
    assert.ok(files.length >= 2);
    for (const name of files) {
      const report = readReport(await readFile(`bench/results/${name}`, 'utf8'));
      assert.ok(tableRows(report).length > 2, name);
    }
  });

  it('refuses what is wrong by its place', () => {
    const cases: readonly (readonly [string, unknown, RegExp])[] = [
      ['results.0.engine', 'cuda', /"results\[0\]\.engine" is "cuda"; allowed: webgpu, /],
      ['results.1.msPerStep.median', 0, /"results\[1\]\.msPerStep\.median" is 0/],
      ['results.1.msPerStep.median', 'x', /msPerStep\.median" is "x"/],
      ['results', {}, /"results" is an object; allowed: a list/],
      ['results.0.difference.logits', -1, /difference\.logits" is -1/],
      ['machine.cores', 1.5, /"machine\.cores" is 1\.5/],
      ['machine', null, /"machine" is null; allowed: an object/],
      ['date', 'yesterday', /"date" is "yesterday"/],
      ['preset', 'forever', /"preset" is "forever"; allowed: quick, thorough/],
      ['name', 'x'.repeat(5000), /"name" is/],
      ['peaks.microKernel', { relaxed: null }, /"peaks\.microKernel\.plain" is undefined/],
      ['adapter.limits', { a: 'b' }, /"adapter\.limits\.a" is "b"/],
      ['arithmetic.multiplyAdds', 0, /multiplyAdds" is 0/],
    ];
    for (const [place, value, expected] of cases) {
      assert.throws(() => checkReport(broken(place, value)), expected, place);
    }
  });

  it('says of another file, and of another version, what it is', () => {
    assert.throws(() => readReport('{'), /^DataInvalid: The file is no JSON/);
    assert.throws(() => readReport('[]'), /is no benchmark: its "schema" is a list/);
    assert.throws(
      () => readReport('{"schema":"x"}'),
      /its "schema" is "x" instead of "sgan-trainer\/benchmark"/,
    );
    assert.throws(
      () => checkReport(broken('version', 1)),
      /of version 1 of its schema; this page reads version 2/,
    );
  });

  it('lets a later build know more', () => {
    assert.ok(checkReport(broken('results.0.watts', 12)));
  });
});

describe('contenders', () => {
  it('are wasm on 1, 2, 4 … threads up to the cores, and every yardstick of the page', () => {
    assert.deepEqual(threadCounts(1), [1]);
    assert.deepEqual(threadCounts(6), [1, 2, 4, 6]);
    assert.deepEqual(threadCounts(64), [1, 2, 4, 8, 16, 32]);
    const labels = pageContenders(2).map(contenderLabel);
    assert.deepEqual(labels, [
      ...['webgpu', 'wasm x1', 'wasm x2'],
      ...['tfjs-webgpu', 'tfjs-webgl', 'tfjs-wasm', 'tfjs-cpu'],
    ]);
  });

  it('are read from their labels, and from nothing else', () => {
    for (const contender of pageContenders(8)) {
      assert.deepEqual(parseContender(contenderLabel(contender)), contender);
      assert.deepEqual(parseContender(contenderLabel(contender).replace(' ', '')), contender);
    }
    for (const text of ['wasm', 'webgpu x2', 'wasm x0', 'wasm x99', 'cuda', '']) {
      assert.equal(parseContender(text), null, text);
    }
  });

  it('that are yardsticks know the notebook, some the recipes for few labels or two of their stages, the engines all', () => {
    const refusal = (label: string, recipe: RecipeName, stage: string): string | null =>
      recipeRefusal(parseContender(label)!, recipe, stage);
    const tfjs = ['tfjs-webgpu', 'tfjs-webgl', 'tfjs-wasm', 'tfjs-cpu'];
    const all =
      'The yardstick is a copy of the recipe notebook and the recipes few-labels, few-labels-fast, few-labels-no-gan, few-labels-no-look and labels-only-augmented alone.';
    for (const recipe of RECIPE_NAMES) {
      const isForFewLabels = recipe.startsWith('few-labels') || recipe === 'labels-only-augmented';
      for (const stage of stagesOf(recipe)) {
        assert.equal(refusal('webgpu', recipe, stage), null);
        for (const yardstick of tfjs) {
          const isKnown = isForFewLabels || recipe === 'notebook';
          assert.equal(refusal(yardstick, recipe, stage), isKnown ? null : all);
        }
        if (recipe === 'notebook') assert.equal(refusal('jax-js', recipe, stage), null);
        else assert.match(refusal('jax-js', recipe, stage)!, /a copy of the recipe notebook alone/);
      }
    }
    for (const stage of ['look', 'learn']) {
      for (const one of ['pytorch x1', 'pytorch-compiled x1'])
        assert.equal(refusal(one, 'few-labels', stage), null);
    }
    assert.equal(
      refusal('pytorch x1', 'few-labels', 'spread'),
      'The yardstick is a copy of the recipe notebook and the stages look and learn of the recipe few-labels alone.',
    );
    assert.match(refusal('pytorch-compiled x1', 'notebook', 'train')!, /a copy of the stages look and learn/);
  });
});

describe('the figures of a benchmark', () => {
  const byLabel = (report: BenchmarkReport): Map<string, ReturnType<typeof figuresOf>[number]> =>
    new Map(figuresOf(report).map((figures) => [figures.label, figures]));

  it('compare with the slowest right one and with tfjs-webgpu', () => {
    const figures = byLabel(reportOf());
    assert.equal(figures.get('webgpu')!.timesSlowest, 100);
    assert.equal(figures.get('webgpu')!.timesTfjsWebgpu, 100);
    assert.equal(figures.get('wasm x1')!.timesSlowest, 10);
    assert.equal(figures.get('tfjs-webgpu')!.timesSlowest, 1);
    assert.equal(figures.get('webgpu')!.stepsPerSecond, 500);
  });

  it('tell no speed of a wrong answer', () => {
    const wrong = byLabel(reportOf()).get('tfjs-cpu')!;
    assert.equal(wrong.verdict, 'wrong');
    for (const name of [
      'medianMs',
      'stepsPerSecond',
      'timesSlowest',
      'timesTfjsWebgpu',
      'runMs',
      'gflops',
    ] as const)
      assert.equal(wrong[name], null, name);
    assert.equal(wrong.evaluationMs, null);
  });

  it('reckon a whole run from its first step, the others and its evaluations', () => {
    assert.equal(byLabel(reportOf()).get('webgpu')!.runMs, 1000 + 999 * 2 + 10 * 20);
    const scaled = byLabel(reportOf()).get('wasm x2')!;
    assert.equal(scaled.evaluationMs, 100);
    assert.ok(scaled.isEvaluationScaled);
  });

  it('hold a rate against what was measured on its hardware', () => {
    const report = reportOf();
    const figures = byLabel(report);
    assert.equal(figures.get('webgpu')!.gflops, 500);
    assert.equal(figures.get('webgpu')!.shareOfPeak, 0.5);
    assert.equal(figures.get('wasm x2')!.shareOfPeak, 1);
    assert.equal(figures.get('tfjs-webgl') && peakOf({ engine: 'tfjs-webgl', threads: null }, report), null);
    assert.equal(peakOf({ engine: 'wasm-plain', threads: 1 }, report), 25);
    assert.equal(bestPeakOf({ engine: 'wasm', threads: 1 }, report), 60);
    const peaks = { adapter: null, microKernel: { relaxed: null, plain: { median: 25, max: 30 } } };
    assert.equal(peakOf({ engine: 'wasm', threads: 1 }, { peaks }), 25, 'a browser without relaxed SIMD');
  });

  it('call an answer right within the tolerances, wrong where anything is beyond, unchecked without a reference', () => {
    const verdict = (difference: Parameters<typeof resultOf>[2]): string =>
      verdictOf(resultOf('webgpu', 1, difference));
    assert.equal(verdict({}), 'right');
    assert.equal(verdict({ difference: WRONG }), 'wrong');
    assert.equal(verdict({ difference: { losses: 1e-6, logits: null, gradients: 2e-3 } }), 'wrong');
    assert.equal(verdict({ difference: { losses: 1e-6, logits: null, gradients: null } }), 'right');
    assert.equal(verdict({ difference: null }), 'unchecked');
    assert.equal(verdict({ difference: { losses: null, logits: null, gradients: null } }), 'unchecked');
    const reference = resultOf('wasm x1', 1);
    assert.equal(verdictOf(reference), 'reference');
    assert.equal(verdictOf({ ...reference, difference: WRONG }), 'wrong');
  });

  it('count the evaluations of a run as the schedule has them', () => {
    for (const [steps, evalEvery, unmeasuredSteps = 0] of [
      [1, 1],
      [1, 5],
      [10, 5],
      [11, 5],
      [3, 1],
      [4, 9],
      [20_000, 200],
      [20, 5, 10],
      [20, 5, 9],
      [20, 6, 7],
      [20, 0, 7],
      [8, 5, 7],
    ] as readonly (readonly [number, number, number?])[]) {
      let due = 0;
      const schedule = { steps, evalEvery, unmeasuredSteps };
      for (let step = 1; step <= steps; step++) due += Number(isEvaluationDue(step, schedule));
      assert.equal(evaluationCount(schedule), due, JSON.stringify(schedule));
    }
  });
});

describe('what distorts', () => {
  it('is told of where it is so, and nothing else', () => {
    assert.deepEqual(distortionsOf(reportOf()), []);
    const { machine, adapter } = reportOf();
    const told = (more: Partial<BenchmarkReport>): string => distortionsOf(reportOf(more)).join('\n');
    assert.match(told({ adapter: { ...adapter!, isSoftware: true } }), /^The WebGPU adapter is software/);
    assert.match(told({ wasHidden: true }), /^The tab was hidden/);
    assert.match(
      told({ machine: { ...machine, isIsolated: false } }),
      /^The page is not cross-origin isolated/,
    );
    assert.match(told({ machine: { ...machine, isOnBattery: true } }), /^The machine ran on battery/);
    assert.match(
      told({ machine: { ...machine, loadAverageBefore: 3 } }),
      /^The machine was busy .* 3\.0 on 4 cores/,
    );
    assert.match(told({ isComplete: false }), /^It was cancelled/);
    assert.match(told({ results: [resultOf('webgpu', 2, { drift: 1.25 })] }), /^webgpu ended 25 % slower/);
    assert.equal(told({ results: [resultOf('webgpu', 2, { drift: 1.05 })] }), '');
  });
});

describe('the table', () => {
  it('has a row for each that ran, and no column without a figure', () => {
    const [titles, ...rows] = tableRows(reportOf());
    assert.ok(!titles!.includes('uploaded B'));
    assert.equal(rows.length, 5);
    const cell = (label: string, title: string): string =>
      rows.find(([first]) => first === label)![titles!.indexOf(title)]!;
    assert.equal(cell('webgpu', 'ms a step'), '2');
    assert.equal(cell('webgpu', '10-90 %'), '1.6-3');
    assert.equal(cell('webgpu', 'dispatches'), '40');
    assert.equal(cell('wasm x2', 'evaluation'), 'about 100 ms');
    assert.equal(cell('wasm x1', 'difference'), 'reference');
    assert.equal(cell('webgpu', 'difference'), '3e-6');
    assert.equal(cell('tfjs-cpu', 'ms a step'), '–');
    assert.equal(cell('tfjs-cpu', 'best'), '–');
    assert.equal(cell('tfjs-cpu', 'difference'), 'wrong: logits by 0.25, gradients by all');
  });

  it('is Markdown that a pipe in a name does not break', () => {
    const text = toMarkdown(reportOf({ machine: { ...reportOf().machine, browser: 'a|b' } }));
    const lines = text.split('\n');
    assert.match(lines[0]!, /^a\\\|b, acme gen-1, 4 cores, recipe notebook, batch 32, 2026-11-29$/);
    const columns = (line: string): number => line.split(/(?<!\\)\|/).length;
    assert.equal(columns(lines[3]!), columns(lines[2]!));
    assert.ok(lines.includes('- tfjs-webgl: This browser offers no WebGL 2 in workers.'));
  });

  it('gives three digits where they mean something, and times in the unit that suits', () => {
    assert.deepEqual([0, 0.00002, 0.01234, 1.5, 99.96, 1234.5].map(formatFigure), [
      ...['0', '2e-5', '0.0123', '1.5', '100', '1,235'],
    ]);
    assert.deepEqual([12.34, 2345, 240_000, 36_000_000].map(formatTime), [
      '12.3 ms',
      '2.35 s',
      '4 min',
      '10 h',
    ]);
  });
});
