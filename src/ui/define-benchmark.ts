/**
 * Defines `<sgan-benchmark>`; that is its only effect, and where there are no custom elements (on a server) it has
 * none.
 */

import { SganBenchmark } from './benchmark/sgan-benchmark.js';
import { defineElement } from './element/define-element.js';

defineElement('sgan-benchmark', SganBenchmark);

export type * from './benchmark/benchmark-element.js';
