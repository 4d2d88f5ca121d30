/** Where the benchmark's worker and its data lie, from what a page gives. */

import { outOfViteCache } from './worker-files.js';
import {
  workerScriptOf,
  workerUrls,
  type GivenUrls,
  type WorkerScript,
  type WorkerUrls,
} from './worker-urls.js';

/**
 * Not among the other files: a host's bundler copies what it finds in a module, and a page without a benchmark has no use
 * for its worker. The depth is the same in `src` and in `dist`.
 */
const ownWorker = (): URL => outOfViteCache(new URL('../worker/benchmark.js', import.meta.url));

/** As `workerUrls`; the worker, unless given, is the benchmark's. */
export function benchmarkUrls(given: GivenUrls): WorkerUrls {
  return workerUrls(given, ownWorker);
}

/** As `workerScriptOf`, likewise: what looks at the browser needs no data. */
export function benchmarkScript(given: GivenUrls): WorkerScript {
  return workerScriptOf(given, ownWorker);
}
