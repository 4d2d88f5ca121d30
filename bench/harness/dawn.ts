/** The benchmark on Dawn for Node: the same run as in the worker, on a GPU that is given. */

import { runBench } from './run-bench.js';
import type { Orders, Outcome } from './orders.js';

export function runOnDawn(
  orders: Orders,
  gpu: GPU,
  fetchData: typeof fetch,
  log: (line: string) => void,
): Promise<Outcome> {
  // The peers look for WebGPU, and for what runs them, where a browser has it.
  Object.defineProperty(globalThis, 'navigator', { value: { gpu, userAgent: 'Node' }, configurable: true });
  return runBench(orders, {
    gpu,
    dataUrl: 'http://localhost/data/',
    base: 'http://localhost/',
    fetch: fetchData,
    log,
  });
}
