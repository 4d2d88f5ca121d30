/** What the benchmark's figures say: the table, the ratios that are aimed at, the time by operation. */

import { formatTable } from './text-table.mjs';

function formatEntries(columns, entries) {
  const rows = entries.map((entry) => columns.map(([, format]) => format(entry) ?? '-'));
  return formatTable([columns.map(([title]) => title), ...rows]);
}

const fixed = (digits) => (value) => value?.toFixed(digits);

const RESULT_COLUMNS = [
  ['engine', ({ engine, threads }) => (threads === null ? engine : `${engine} x${threads}`)],
  ['first step ms', ({ firstStepMs }) => fixed(0)(firstStepMs)],
  ['ms a step', ({ msPerStep }) => fixed(2)(msPerStep.median)],
  ['min', ({ msPerStep }) => fixed(2)(msPerStep.min)],
  ['max', ({ msPerStep }) => fixed(2)(msPerStep.max)],
  ['JavaScript ms', ({ jsMsPerStep }) => fixed(3)(jsMsPerStep)],
  ['dispatches', ({ dispatchesPerStep }) => fixed(0)(dispatchesPerStep)],
  ['submits', ({ submitsPerStep }) => fixed(2)(submitsPerStep)],
  ['uploaded B', ({ uploadedBytesPerStep }) => fixed(0)(uploadedBytesPerStep)],
  [
    'evaluation ms',
    ({ evaluationMs, evaluationImages }) =>
      evaluationMs && `${evaluationMs.toFixed(0)} (${evaluationImages})`,
  ],
  ['memory MB', ({ bufferBytes }) => bufferBytes && (bufferBytes / 1e6).toFixed(1)],
];

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

function peakOf(engine, { adapter, microKernel }) {
  const rates = { wasm: microKernel?.relaxed.max, 'wasm-plain': microKernel?.plain.max };
  return engine in rates ? { gflops: rates[engine] } : { ...adapter };
}

export function formatResults(results) {
  return formatEntries(RESULT_COLUMNS, results);
}

/** A table for every engine that was timed by operation, held against the peaks. */
export function formatKernels(results, peaks) {
  return results
    .filter(({ kernels }) => kernels !== undefined)
    .map(({ engine, threads, kernels }) => {
      const sum = kernels.reduce((total, { ms }) => total + ms, 0);
      const head = `${engine}${threads === null ? '' : ` x${threads}`} by operation, ${sum.toFixed(2)} ms in all`;
      return `${head}\n${formatEntries(kernelColumns(peakOf(engine, peaks)), kernels)}`;
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
    lines.push(`micro-kernel alone, one thread, GFLOP/s: relaxed ${told(relaxed)}, plain ${told(plain)}`);
  }
  return lines.join('\n');
}

/** How many times faster each engine must be than another: engine and threads, a figure, the aim. */
const AIMS = [
  ['webgpu', null, 'tfjs-plain', null, 'step', 16],
  ['webgpu', null, 'jax-js', null, 'step', 3],
  ['webgpu', null, 'tfjs-plain', null, 'evaluation', 10],
  ['wasm', 1, 'pytorch', 1, 'step', 1],
  ['wasm', 2, 'pytorch', 2, 'step', 1],
  ['wasm', 1, 'tensorflow', 1, 'step', 1 / 1.4],
  ['wasm', 2, 'tensorflow', 2, 'step', 1 / 1.4],
  ['wasm', 1, 'tfjs-wasm', null, 'step', 5],
  ['wasm', 2, 'tfjs-wasm', null, 'step', 8],
  ['wasm', 2, 'wasm', 1, 'step', 1.6],
  ['wasm', 2, 'tfjs-wasm', null, 'evaluation', 3],
];

const nameOf = (engine, threads) => (threads === null ? engine : `${engine} x${threads}`);

/**
 * The ratios that can be told from the results: `times` of the medians, `timesFastest` of the fastest
 * steps (null for an evaluation, which is made once), and `aim`, what it must be at least
 * (null where nothing is asked).
 */
export function ratiosOf(results, arithmetic, { microKernel }) {
  const find = (name, count) => results.find(({ engine, threads }) => engine === name && threads === count);
  const ratios = [];
  for (const [engine, threads, other, otherThreads, figure, aim] of AIMS) {
    const [ours, theirs] = [find(engine, threads), find(other, otherThreads)];
    if (ours === undefined || theirs === undefined) continue;
    const name = `${figure}: ${nameOf(engine, threads)} against ${nameOf(other, otherThreads)}`;
    const times =
      figure === 'step'
        ? theirs.msPerStep.median / ours.msPerStep.median
        : theirs.evaluationMs / theirs.evaluationImages / (ours.evaluationMs / ours.evaluationImages);
    ratios.push({
      name,
      times,
      timesFastest: figure === 'step' ? theirs.msPerStep.min / ours.msPerStep.min : null,
      aim,
    });
  }
  const alone = find('wasm', 1);
  if (alone !== undefined && microKernel !== null) {
    const { median, min } = alone.msPerStep;
    const { relaxed } = microKernel;
    const share = (ms, rate) => (2 * arithmetic.multiplyAdds) / (ms * 1e6 * rate);
    const name = "step: wasm x1, share of the micro-kernel's rate";
    ratios.push({
      name,
      times: share(median, relaxed.median),
      timesFastest: share(min, relaxed.max),
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
