/** Defines `<sgan-benchmark>`, where there are custom elements and the name is free; that is its only effect. */

import { SganBenchmark } from './benchmark/sgan-benchmark.js';

if (typeof customElements !== 'undefined' && customElements.get('sgan-benchmark') === undefined) {
  customElements.define('sgan-benchmark', SganBenchmark);
}
