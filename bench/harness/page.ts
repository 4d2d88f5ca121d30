/** The benchmark's page: takes its orders from the script through globals. */

import { runBench, type Orders, type Outcome } from './run-bench.js';

declare global {
  /** Lines not yet fetched by the script. */
   
  var benchLog: string[];
  /** null while the benchmark runs. */
   
  var benchOutcome: Outcome | { readonly error: string } | null;
   
  var startBench: (orders: Orders) => void;
}

globalThis.benchLog = [];
globalThis.benchOutcome = null;
globalThis.startBench = (orders) => {
  const dataUrl = new URL('data/', location.href).href;
  runBench(orders, navigator.gpu, dataUrl, fetch.bind(globalThis), (line) => benchLog.push(line)).then(
    (outcome) => (globalThis.benchOutcome = outcome),
    (error: unknown) => {
      globalThis.benchOutcome = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    },
  );
};
