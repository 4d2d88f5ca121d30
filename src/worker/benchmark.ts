/** Entry of the benchmark page's worker. */

import { serveBenchmark } from './benchmark/serve-benchmark.js';

serveBenchmark();
