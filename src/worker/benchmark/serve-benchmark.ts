/** The worker's side of a benchmark: takes requests, posts events. */

/// <reference lib="webworker" />

import type { BenchmarkEvent, BenchmarkRequest } from '../../protocol/benchmark/orders.js';
import { useMovedFiles } from '../../browser/build-files.js';
import { describeError } from '../../protocol/wording.js';
import { findGpu } from '../engine/device/platform.js';
import type { PeerMakers } from './create-contender.js';
import { runBenchmark } from './run-benchmark.js';
import { surveyBrowser } from './survey.js';

const emit = (event: BenchmarkEvent): void => postMessage(event);

async function answer(request: BenchmarkRequest, peers: PeerMakers): Promise<void> {
  useMovedFiles(request.files ?? {});
  if (request.type === 'survey') return emit({ type: 'survey', survey: await surveyBrowser() });
  const { orders, dataUrl } = request;
  await runBenchmark(orders, { gpu: findGpu(), dataUrl, fetch: (...given) => fetch(...given), peers }, emit);
}

/** Serves this worker's page; `peers` are yardsticks that are not part of the site. */
export function serveBenchmark(peers: PeerMakers = {}): void {
  const fail = (error: unknown): void => emit({ type: 'error', message: describeError(error) });
  addEventListener('message', ({ data }: MessageEvent<BenchmarkRequest>) => {
    answer(data, peers).catch(fail);
  });
  // A rejection that nobody awaits does not reach the page as an error of the worker.
  addEventListener('unhandledrejection', ({ reason }) => fail(reason));
}
