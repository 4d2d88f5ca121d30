/**
 * `npm run bench:cpu`: the engines that compute on the CPU against each other and against the Python
 * yardsticks of bench/peers: time of a step, of an evaluation, and the share of the micro-kernel's rate.
 */

import { main } from './lib/main.mjs';

const BROWSER_ENGINES = ['wasm', 'wasm-plain', 'tfjs-wasm'];
const PEERS = ['pytorch', 'tensorflow'];

const HELP = `npm run bench:cpu -- [options]

Prints a table and, with --json, writes a file. Engines of the browser take turns in one run; a Python
yardstick runs after them, once for each number of threads.

  --engines LIST   of ${[...BROWSER_ENGINES, ...PEERS].join(', ')} (default the first three)
  --threads LIST   compute threads, for each engine that has them (default 1,2)
  --recipe NAME    (default notebook; the yardsticks know no other)
  --steps N        steps that are timed, of each engine (default 40)
  --python FOLDER  with a virtual environment for each yardstick: FOLDER/pytorch, FOLDER/tensorflow
  --json FILE      where the results go
  --help           this text`;

/** Multiply-adds of the notebook's step, batch 32; `npm run plan` prints them. */
const MULTIPLY_ADDS = 519e6;

await main(async (args) => {
  const { parseList, parseOptions, parseWholeNumber } = await import('./lib/options.mjs');
  const options = parseOptions('bench:cpu', args, {
    engines: { type: 'string', default: BROWSER_ENGINES.join(',') },
    threads: { type: 'string', default: '1,2' },
    recipe: { type: 'string', default: 'notebook' },
    steps: { type: 'string', default: '40' },
    python: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (options.help) return console.log(HELP);
  const engines = parseList('engines', options.engines, [...BROWSER_ENGINES, ...PEERS]);
  const threads = options.threads.split(',').map((text) => parseWholeNumber('threads', text, 1, 32));
  const steps = parseWholeNumber('steps', options.steps, 1, 10_000);
  const { runCpuBench } = await import('./lib/bench-cpu.mjs');
  const outcome = await runCpuBench({ engines, threads, steps, recipe: options.recipe, python: options.python });
  printTable(outcome);
  if (options.json !== undefined) {
    const { writeFile } = await import('node:fs/promises');
    await writeFile(options.json, `${JSON.stringify(outcome, null, 2)}\n`);
  }
});

function printTable({ results, microKernel }) {
  console.log('\nengine      threads  ms a step (min)   median   10,000 images, s   share of micro-kernel');
  for (const { engine, threads, msPerStep, evaluationMs } of results) {
    const rate = { wasm: microKernel.relaxed, 'wasm-plain': microKernel.plain }[engine];
    const share = rate && threads === 1 ? `${((100 * 2 * MULTIPLY_ADDS) / (msPerStep.median * 1e6 * rate)).toFixed(0)} %` : '';
    const evaluation = evaluationMs === null ? '' : (evaluationMs / 1000).toFixed(2);
    console.log(
      `${engine.padEnd(11)} ${String(threads).padStart(7)}  ${msPerStep.min.toFixed(1).padStart(15)} ` +
        `${msPerStep.median.toFixed(1).padStart(8)}   ${evaluation.padStart(16)}   ${share.padStart(21)}`,
    );
  }
  const { relaxed, plain } = microKernel;
  console.log(`micro-kernel alone, one thread: relaxed ${relaxed.toFixed(1)}, plain ${plain.toFixed(1)} GFLOP/s`);
}
