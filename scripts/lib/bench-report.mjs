/** What the benchmark's figures say: the table, the ratios that are aimed at, the time by operation. */

import os from 'node:os';
import { importSource } from './source-modules.mjs';
import { formatTable } from './text-table.mjs';

const { absentOf, headline, tableRows } = await importSource('src/protocol/benchmark/table.ts');
const { distortionsOf } = await importSource('src/protocol/benchmark/figures.ts');
const { REPORT_SCHEMA, REPORT_VERSION } = await importSource('src/protocol/benchmark/report.ts');
const { contenderLabel } = await importSource('src/protocol/benchmark/contenders.ts');

function formatEntries(columns, entries) {
  const rows = entries.map((entry) => columns.map(([, format]) => format(entry) ?? '-'));
  return formatTable([columns.map(([title]) => title), ...rows]);
}

const fixed = (digits) => (value) => value?.toFixed(digits);

const percent = (value, whole) =>
  whole === undefined ? undefined : `${((100 * value) / whole).toFixed(0)} %`;

/** `peak` is what the hardware reaches at best; its parts may be missing. */
const kernelColumns = (peak) => [
  ['operation', ({ name }) => name],
  ['kind', ({ kind }) => kind],
  ['ms', ({ ms }) => fixed(3)(ms)],
  ['GFLOP/s', ({ gflops }) => fixed(2)(gflops ?? undefined)],
  ['of peak', ({ gflops }) => (gflops === null ? undefined : percent(gflops, peak.gflops))],
  ['GB/s', ({ gigabytesPerSecond }) => fixed(2)(gigabytesPerSecond ?? undefined)],
  [
    'of peak',
    ({ gigabytesPerSecond: rate }) => (rate === null ? undefined : percent(rate, peak.gigabytesPerSecond)),
  ],
];

/** What a contender's hardware reaches at best; its parts may be missing. */
function peaksFor(result, { adapter, microKernel }) {
  const rates = {
    wasm: (microKernel?.relaxed ?? microKernel?.plain)?.max,
    'wasm-plain': microKernel?.plain.max,
  };
  return result.engine in rates ? { gflops: rates[result.engine] } : { ...adapter };
}

/** The table that the page shows, who did not run, and what distorts. */
export function formatResults(report) {
  const absent = absentOf(report).map(([label, reason]) => `${label} did not run: ${reason}`);
  return [formatTable(tableRows(report)), ...absent, ...distortionsOf(report)].join('\n');
}

/** A table for every engine that was timed by operation, held against the peaks. */
export function formatKernels(results, peaks) {
  return results
    .filter(({ operations }) => operations !== undefined)
    .map((result) => {
      const { operations, operationsTimedBy } = result;
      const sum = operations.reduce((total, { ms }) => total + ms, 0);
      const head = `${contenderLabel(result)} by operation, ${sum.toFixed(2)} ms in all, by the ${operationsTimedBy}`;
      return `${head}\n${formatEntries(kernelColumns(peaksFor(result, peaks)), operations)}`;
    })
    .join('\n\n');
}

export function formatPeaks({ adapter, microKernel }) {
  const lines = [];
  if (adapter !== null) {
    lines.push(
      `adapter at its best: ${adapter.gflops.toFixed(1)} GFLOP/s, ${adapter.gigabytesPerSecond.toFixed(1)} GB/s`,
    );
  }
  if (microKernel !== null) {
    const { relaxed, plain } = microKernel;
    const told = ({ median, max }) => `${median.toFixed(1)} (at its best ${max.toFixed(1)})`;
    const parts = [...(relaxed === null ? [] : [`relaxed ${told(relaxed)}`]), `plain ${told(plain)}`];
    lines.push(`micro-kernel alone, one thread, GFLOP/s: ${parts.join(', ')}`);
  }
  return lines.join('\n');
}

/**
 * The pairs of engines that are held against each other: engine and threads, a figure, and how many times faster the first must
 * be: in the notebook, and in `learn` of `few-labels`, which takes most of a run. Nothing is asked of the others.
 */
const PAIRS = [
  ['webgpu', null, 'tfjs-webgpu', null, 'step', { notebook: 17, learn: 8 }],
  ['webgpu', null, 'jax-js', null, 'step', { notebook: 3 }],
  ['webgpu', null, 'tfjs-webgpu', null, 'evaluation', { notebook: 10 }],
  ['wasm', 1, 'pytorch', 1, 'step', { notebook: 1, learn: 1.7 }],
  ['wasm', 2, 'pytorch', 2, 'step', { notebook: 1, learn: 2 }],
  ['wasm', 1, 'tensorflow', 1, 'step', { notebook: 1 / 1.4 }],
  ['wasm', 2, 'tensorflow', 2, 'step', { notebook: 1 / 1.4 }],
  ['wasm', 1, 'tfjs-wasm', null, 'step', { notebook: 5 }],
  ['wasm', 2, 'tfjs-wasm', null, 'step', { notebook: 8 }],
  ['wasm', 2, 'wasm', 1, 'step', { notebook: 1.6, learn: 1.6 }],
  ['wasm', 2, 'tfjs-wasm', null, 'evaluation', { notebook: 3 }],
];

const nameOf = (engine, threads) => contenderLabel({ engine, threads });

/**
 * The ratios that can be told from a report's results: `times` of the medians, `timesFastest` of the fastest
 * steps (null for an evaluation, which is made once), and `aim`, what it must be at least
 * (null where nothing is asked).
 */
export function ratiosOf({ recipe, stage, results, arithmetic, peaks: { microKernel } }) {
  const isMeasured = ({ msPerStep, failure }) => msPerStep !== null && failure === null;
  const find = (name, count) =>
    results.find((one) => one.engine === name && one.threads === count && isMeasured(one));
  const measured = recipe === 'few-labels' ? stage : recipe;
  const ratios = [];
  for (const [engine, threads, other, otherThreads, figure, aims] of PAIRS) {
    const [ours, theirs] = [find(engine, threads), find(other, otherThreads)];
    if (ours === undefined || theirs === undefined) continue;
    if (figure === 'evaluation' && [ours, theirs].some(({ evaluationMs }) => evaluationMs === null)) continue;
    const name = `${figure}: ${nameOf(engine, threads)} against ${nameOf(other, otherThreads)}`;
    const times =
      figure === 'step'
        ? theirs.msPerStep.median / ours.msPerStep.median
        : theirs.evaluationMs / theirs.evaluationImages / (ours.evaluationMs / ours.evaluationImages);
    ratios.push({
      name,
      times,
      timesFastest: figure === 'step' ? theirs.msPerStep.min / ours.msPerStep.min : null,
      aim: aims[measured] ?? null,
    });
  }
  const alone = find('wasm', 1);
  if (alone !== undefined && microKernel !== null) {
    const { median, min } = alone.msPerStep;
    const { relaxed, plain } = microKernel;
    const rate = relaxed ?? plain;
    const share = (ms, best) => (2 * arithmetic.multiplyAdds) / (ms * 1e6 * best);
    const name = "step: wasm x1, share of the micro-kernel's rate";
    ratios.push({
      name,
      times: share(median, rate.median),
      timesFastest: share(min, rate.max),
      aim: 0.5,
    });
  }
  return ratios;
}

export function formatRatios(ratios) {
  const columns = [
    ['ratio', ({ name }) => name],
    ['median', ({ times }) => fixed(2)(times)],
    ['fastest', ({ timesFastest }) => fixed(2)(timesFastest ?? undefined)],
    ['must', ({ aim }) => fixed(2)(aim ?? undefined)],
  ];
  return formatEntries(columns, ratios);
}

/** A run of the command as the one schema of benchmarks has it. */
export function makeReport(outcome, { date, recipe, stage = null, preset, pacing, loadAverageBefore }) {
  const { browser, isIsolated, ground, peaks, results } = outcome;
  const [{ model }] = os.cpus();
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    name: `${model.trim()}, ${browser}`,
    date: date.toISOString(),
    machine: {
      browser,
      cpu: model.trim(),
      cores: os.cpus().length,
      memoryBytes: os.totalmem(),
      loadAverageBefore,
      loadAverage: os.loadavg()[0],
      isIsolated,
      isOnBattery: null,
    },
    adapter: ground.adapter,
    recipe,
    stage,
    batch: ground.batch,
    preset,
    pacing,
    arithmetic: ground.arithmetic,
    run: ground.run,
    peaks,
    wasHidden: false,
    isComplete: true,
    results,
  };
}

/** All that the command prints of a report. */
export function formatReport(report) {
  const { results, peaks } = report;
  const ratios = ratiosOf(report);
  const parts = [headline(report), formatResults(report), formatPeaks(peaks), formatKernels(results, peaks)];
  if (ratios.length > 0) parts.push(formatRatios(ratios));
  return parts.filter((part) => part !== '').join('\n\n');
}
