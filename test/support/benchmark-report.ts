/** A benchmark as tests need it: figures that a person can check in the head. */

import {
  emptyResult,
  REPORT_SCHEMA,
  REPORT_VERSION,
  type BenchmarkReport,
  type BenchmarkResult,
} from '../../src/protocol/benchmark/report.js';
import { parseContender } from '../../src/protocol/benchmark/contenders.js';

/** Right, and so many milliseconds a step by the median. */
export function resultOf(
  label: string,
  median: number,
  more: Partial<BenchmarkResult> = {},
): BenchmarkResult {
  return {
    ...emptyResult(parseContender(label)!),
    firstStepMs: 1000,
    msPerStep: { min: median / 2, p10: 0.8 * median, median, p90: 1.5 * median, max: 2 * median },
    steps: 20,
    evaluationMs: 10 * median,
    evaluationImages: 10_000,
    evaluationCorrect: 5000,
    memoryBytes: 50e6,
    difference: { losses: 1e-6, logits: 2e-6, gradients: 3e-6 },
    ...more,
  };
}

export const WRONG = { losses: 1e-6, logits: 0.25, gradients: 1e9 };

/** webgpu 2 ms, wasm 20 and 10, tfjs-webgpu 200, tfjs-cpu wrong, tfjs-webgl not there. */
export function reportOf(more: Partial<BenchmarkReport> = {}): BenchmarkReport {
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    name: 'A machine',
    date: '2026-11-29T12:00:00.000Z',
    machine: {
      browser: 'Chrome 147, Linux',
      cpu: null,
      cores: 4,
      memoryBytes: null,
      loadAverageBefore: null,
      loadAverage: null,
      isIsolated: true,
      isOnBattery: false,
    },
    adapter: {
      vendor: 'acme',
      architecture: 'gen-1',
      device: '',
      description: '',
      isSoftware: false,
      features: ['timestamp-query'],
      limits: { maxBufferSize: 2 ** 28 },
    },
    recipe: 'notebook',
    batch: 32,
    preset: 'quick',
    pacing: { budgetMs: 30_000, leastTurns: 5, mostTurns: 400, steadyWithin: 0.01, evaluationMs: 1500 },
    arithmetic: { multiplyAdds: 500e6 },
    run: { steps: 1000, evaluations: 10, testImages: 10_000 },
    peaks: {
      adapter: { gflops: 1000, gigabytesPerSecond: 100 },
      microKernel: { relaxed: { median: 50, max: 60 }, plain: { median: 25, max: 30 } },
    },
    wasHidden: false,
    isComplete: true,
    results: [
      resultOf('webgpu', 2, { jsMsPerStep: 0.03, dispatchesPerStep: 40, submitsPerStep: 0.1 }),
      resultOf('wasm x1', 20, { difference: { losses: 0, logits: 0, gradients: 0 } }),
      resultOf('wasm x2', 10, { evaluationMs: 10, evaluationImages: 1000 }),
      resultOf('tfjs-webgpu', 200),
      resultOf('tfjs-cpu', 4000, { difference: WRONG }),
      emptyResult({ engine: 'tfjs-webgl', threads: null }, 'This browser offers no WebGL 2 in workers.'),
    ],
    ...more,
  };
}
