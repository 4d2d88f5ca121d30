/** What a report's figures say: comparisons, rates, shares, whether an answer is right, what distorts. */

import { CONTENDERS, contenderLabel, type Contender } from './contenders.js';
import type { BenchmarkReport, BenchmarkResult, Difference, Rate } from './report.js';

/** How far a right answer in float32 may be from the reference's. */
export const TOLERANCES: Readonly<Record<keyof Difference, number>> = {
  losses: 3e-4,
  logits: 3e-4,
  gradients: 1e-3,
};

export type Verdict = 'right' | 'wrong' | 'reference' | 'unchecked';

/** Whether a contender computes the same step as the reference, which is `wasm` on one thread. */
export function verdictOf({ engine, threads, difference }: BenchmarkResult): Verdict {
  if (difference === null) return 'unchecked';
  if (Object.values(difference).every((value) => value === null)) return 'unchecked';
  if (excessesOf({ difference }).length > 0) return 'wrong';
  return engine === 'wasm' && threads === 1 ? 'reference' : 'right';
}

/** The kinds of values that are further off than allowed, with how far. */
export function excessesOf({
  difference,
}: Pick<BenchmarkResult, 'difference'>): readonly (readonly [keyof Difference, number])[] {
  if (difference === null) return [];
  const kinds = Object.keys(TOLERANCES) as (keyof Difference)[];
  return kinds.flatMap((kind) => {
    const value = difference[kind];
    return value !== null && !(value <= TOLERANCES[kind]) ? [[kind, value] as const] : [];
  });
}

export interface Figures {
  readonly result: BenchmarkResult;
  readonly label: string;
  readonly verdict: Verdict;
  /** By the medians; of a wrong answer none of these is told. */
  readonly medianMs: number | null;
  readonly stepsPerSecond: number | null;
  readonly timesSlowest: number | null;
  readonly timesTfjsWebgpu: number | null;
  /** A whole run: the first step, the others, every evaluation. */
  readonly runMs: number | null;
  readonly gflops: number | null;
  /** Of what the harness measured as this machine's best. */
  readonly shareOfPeak: number | null;
  /** All test images, from as many as were classified. */
  readonly evaluationMs: number | null;
  /** Whether fewer than all were. */
  readonly isEvaluationScaled: boolean;
}

/** GFLOP/s that a contender's hardware reaches at best; null where that was not measured. */
export function peakOf(
  { engine, threads }: Contender,
  { peaks }: Pick<BenchmarkReport, 'peaks'>,
): number | null {
  if (CONTENDERS[engine].runsOn === 'webgpu') return peaks.adapter?.gflops ?? null;
  const { microKernel } = peaks;
  if (microKernel === null || (engine !== 'wasm' && engine !== 'wasm-plain')) return null;
  const rate = engine === 'wasm' ? (microKernel.relaxed ?? microKernel.plain) : microKernel.plain;
  return rate.median * (threads ?? 1);
}

/** The same at its very best, which the fastest run of an operation is held against. */
export function bestPeakOf(contender: Contender, { peaks }: Pick<BenchmarkReport, 'peaks'>): number | null {
  const { microKernel } = peaks;
  if (microKernel === null) return peakOf(contender, { peaks });
  const atBest = ({ max }: Rate): Rate => ({ median: max, max });
  const { relaxed, plain } = microKernel;
  const best = { relaxed: relaxed && atBest(relaxed), plain: atBest(plain) };
  return peakOf(contender, { peaks: { ...peaks, microKernel: best } });
}

/** The figures of every result, in the report's order. */
export function figuresOf(report: BenchmarkReport): readonly Figures[] {
  const speedOf = (result: BenchmarkResult): number | null =>
    result.failure !== null || verdictOf(result) === 'wrong' ? null : (result.msPerStep?.median ?? null);
  const speeds = report.results.map(speedOf);
  const slowest = Math.max(...speeds.map((ms) => ms ?? 0));
  const tfjs = speeds[report.results.findIndex(({ engine }) => engine === 'tfjs-webgpu')] ?? null;
  return report.results.map((result, index): Figures => {
    const medianMs = speeds[index]!;
    const { evaluationImages, firstStepMs } = result;
    const { steps, evaluations, testImages } = report.run;
    const isEvaluated = result.evaluationMs !== null && evaluationImages !== null && evaluationImages > 0;
    const evaluationMs = isEvaluated ? (result.evaluationMs * testImages) / evaluationImages : null;
    const gflops = medianMs === null ? null : (2 * report.arithmetic.multiplyAdds) / (medianMs * 1e6);
    const peak = peakOf(result, report);
    const isSpeed = medianMs !== null;
    return {
      result,
      label: contenderLabel(result),
      verdict: verdictOf(result),
      medianMs,
      stepsPerSecond: isSpeed ? 1000 / medianMs : null,
      timesSlowest: isSpeed && slowest > 0 ? slowest / medianMs : null,
      timesTfjsWebgpu: isSpeed && tfjs !== null ? tfjs / medianMs : null,
      runMs:
        isSpeed && evaluationMs !== null
          ? (firstStepMs ?? 0) + (steps - 1) * medianMs + evaluations * evaluationMs
          : null,
      gflops,
      shareOfPeak: gflops === null || peak === null ? null : gflops / peak,
      evaluationMs: verdictOf(result) === 'wrong' ? null : evaluationMs,
      isEvaluationScaled: isEvaluated && evaluationImages < testImages,
    };
  });
}

/** A step that takes so many times as long at the end as at the beginning is told of. */
const DRIFT = 1.1;
/** More processes than this share of the cores want to run before the benchmark begins. */
const BUSY_SHARE = 0.5;

/** What makes these figures others than the machine could give, a sentence each. */
export function distortionsOf(report: BenchmarkReport): readonly string[] {
  const { machine, adapter, wasHidden, results, isComplete } = report;
  const found: string[] = [];
  const usesAdapter = results.some(
    ({ engine, msPerStep }) => CONTENDERS[engine].runsOn === 'webgpu' && msPerStep,
  );
  if (adapter?.isSoftware === true && usesAdapter) {
    found.push(
      'The WebGPU adapter is software: its figures say how much work is done, not how fast a GPU is.',
    );
  }
  if (wasHidden) found.push('The tab was hidden meanwhile; browsers slow hidden tabs down.');
  if (!machine.isIsolated && results.some(({ engine }) => CONTENDERS[engine].runsOn === 'cpu')) {
    found.push('The page is not cross-origin isolated: no threads, and a coarser clock.');
  }
  if (machine.isOnBattery === true) found.push('The machine ran on battery, which may hold it back.');
  if (machine.loadAverageBefore !== null && machine.loadAverageBefore > BUSY_SHARE * machine.cores) {
    const load = machine.loadAverageBefore.toFixed(1);
    found.push(`The machine was busy before it began: a load of ${load} on ${machine.cores} cores.`);
  }
  for (const result of results) {
    if (result.drift === null || result.drift < DRIFT) continue;
    const percent = Math.round(100 * (result.drift - 1));
    found.push(`${contenderLabel(result)} ended ${percent} % slower than it began: heat, or other work.`);
  }
  if (!isComplete) found.push('It was cancelled: some figures are missing or of a few steps only.');
  return found;
}
