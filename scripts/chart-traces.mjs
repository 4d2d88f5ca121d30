/**
 * `npm run chart-traces`: draws the accuracy traces of docs/traces, recipe by recipe, as
 * docs/reproduction.svg, and prints the means that docs/reproduction.md quotes.
 */

import { main } from './lib/main.mjs';

const HELP = `npm run chart-traces

Reads docs/traces/<recipe>-wasm-seed<N>.jsonl (the metrics.jsonl of npm run train), writes docs/reproduction.svg and
prints, for each run, the mean test accuracy of steps 1,000 to 3,000 and of the last 25 evaluations, and the last one.`;

await main(async (args) => {
  const { parseOptions } = await import('./lib/options.mjs');
  if (parseOptions('chart-traces', args, { help: { type: 'boolean' } }).help) {
    console.log(HELP);
    return;
  }
  const { writeFile } = await import('node:fs/promises');
  const { inRoot } = await import('./lib/paths.mjs');
  const { drawTraces, readTraces, summarise } = await import('./lib/traces.mjs');
  const traces = await readTraces(inRoot('docs', 'traces'));
  for (const trace of traces) {
    const { early, late, last } = summarise(trace);
    console.log(
      `${trace.recipe} seed ${trace.seed}: ${early} over steps 1,000-3,000, ${late} over the last 25, ${last} at the end`,
    );
  }
  await writeFile(inRoot('docs', 'reproduction.svg'), drawTraces(traces));
});
