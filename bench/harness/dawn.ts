/** The benchmark on Dawn for Node: the same run as in the worker, on a GPU that is given. */

import type { BenchmarkEvent, BenchmarkOrders } from '../../src/protocol/benchmark/orders.js';
import { runBenchmark } from '../../src/worker/benchmark/run-benchmark.js';
import { PEERS } from './peers.js';

export function runOnDawn(
  orders: BenchmarkOrders,
  gpu: GPU,
  fetchData: typeof fetch,
  onEvent: (event: BenchmarkEvent) => void,
): Promise<void> {
  // The peers look for WebGPU, and for what runs them, where a browser has it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'Node' }, configurable: true });
  const surroundings = { gpu, dataUrl: 'http://localhost/data/', fetch: fetchData, peers: PEERS };
  return runBenchmark(orders, surroundings, onEvent);
}
