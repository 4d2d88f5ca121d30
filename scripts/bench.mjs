/** `npm run bench`: measures engines and peers side by side, in a browser or on Dawn for Node. */

import { main } from './lib/main.mjs';

const HELP = `npm run bench -- [options]

Measures a training step of several engines, taking turns in one run, and an evaluation.

  --engines LIST   of webgpu, tfjs-plain (default webgpu,tfjs-plain)
  --recipe NAME    what the engines train (default notebook; tfjs-plain knows only the notebook)
  --steps N        rounds that every engine makes (default 5)
  --runtime NAME   browser, or dawn for Dawn on Node (default browser)
  --json FILE      where the figures go as well
  --help           this text`;

function formatTable(results) {
  const columns = [
    ['engine', ({ engine }) => engine],
    ['first step ms', ({ firstStepMs }) => firstStepMs.toFixed(0)],
    ['ms a step', ({ msPerStep }) => msPerStep.median.toFixed(2)],
    ['min', ({ msPerStep }) => msPerStep.min.toFixed(2)],
    ['max', ({ msPerStep }) => msPerStep.max.toFixed(2)],
    ['JavaScript ms', ({ jsMsPerStep }) => jsMsPerStep.toFixed(3)],
    ['dispatches', ({ dispatchesPerStep }) => dispatchesPerStep.toFixed(0)],
    ['submits', ({ submitsPerStep }) => submitsPerStep.toFixed(2)],
    ['uploaded B', ({ uploadedBytesPerStep }) => uploadedBytesPerStep.toFixed(0)],
    ['evaluation ms', ({ evaluationMs, evaluationImages }) => `${evaluationMs.toFixed(0)} (${evaluationImages})`],
    ['buffers MB', ({ bufferBytes }) => (bufferBytes / 1e6).toFixed(1)],
  ];
  const rows = [columns.map(([title]) => title), ...results.map((result) => columns.map(([, format]) => format(result)))];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column])).join('  ')).join('\n');
}

await main(async (args) => {
  const { parseOptions, parseWholeNumber } = await import('./lib/options.mjs');
  const options = parseOptions('bench', args, {
    engines: { type: 'string', default: 'webgpu,tfjs-plain' },
    recipe: { type: 'string', default: 'notebook' },
    steps: { type: 'string', default: '5' },
    runtime: { type: 'string', default: 'browser' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  });
  if (options.help) {
    console.log(HELP);
    return;
  }
  const { UsageError } = await import('./lib/main.mjs');
  if (!['browser', 'dawn'].includes(options.runtime)) {
    throw new UsageError(`--runtime is browser or dawn, not "${options.runtime}".`);
  }
  const orders = {
    engines: options.engines.split(','),
    recipe: options.recipe,
    steps: parseWholeNumber('steps', options.steps, 1, 1000),
  };
  const { benchInBrowser, benchOnDawn } = await import('./lib/bench-run.mjs');
  const { cpus } = await import('node:os');
  const run = options.runtime === 'dawn' ? benchOnDawn : benchInBrowser;
  const { browser, adapter, results } = await run(orders, (line) => console.log(line));
  console.log(`\n${browser}, ${adapter}\n${formatTable(results)}`);
  if (options.json === undefined) return;
  const { mkdir, writeFile } = await import('node:fs/promises');
  const { dirname } = await import('node:path');
  const machine = `${cpus().length} x ${cpus()[0].model.trim()}`;
  await mkdir(dirname(options.json), { recursive: true });
  await writeFile(options.json, `${JSON.stringify({ machine, browser, adapter, results }, null, 2)}\n`);
});
