/** The page around the benchmark: theme switch, and settings in the address. */

import './define-benchmark.js';
import { settingsFromAddress, settingsToAddress } from './benchmark/address.js';
import type { SganBenchmark } from './benchmark/sgan-benchmark.js';
import { replaceQuery } from './replace-query.js';
import { setUpTheme } from './theme-switch.js';

function setUpAddress(benchmark: SganBenchmark): void {
  benchmark.settings = settingsFromAddress(new URLSearchParams(location.search));
  benchmark.addEventListener('sgan-benchmark-settings', ({ detail }) => {
    replaceQuery(settingsToAddress(detail, new URLSearchParams(location.search)).toString());
  });
}

setUpTheme();
const benchmark = document.querySelector<SganBenchmark>('sgan-benchmark');
if (benchmark !== null) setUpAddress(benchmark);
