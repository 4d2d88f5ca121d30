/** `npm run bench`: measures engines and peers side by side, in a browser or on Dawn for Node. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { ENGINES, HELP, parseBenchOptions } = await import('./lib/bench-options.mjs');
  const options = parseBenchOptions(args);
  if (options === null) return console.log(HELP);
  const { contenders, recipe, runtime, rounds, wantsKernels, python, json } = options;
  const log = (line) => console.log(line);
  const { prepareOutput } = await import('./lib/output-file.mjs');
  if (json !== undefined) await prepareOutput('json', json);
  const { findInterpreters, runYardsticks } = await import('./lib/bench-python.mjs');
  const yardsticks = contenders.filter(({ engine }) => ENGINES[engine].runs === 'python');
  // Before the long part, so that what is missing is told at once.
  const interpreters = await findInterpreters(new Set(yardsticks.map(({ engine }) => engine)), python);

  const { benchInBrowser, benchOnDawn } = await import('./lib/bench-run.mjs');
  const os = await import('node:os');
  const loadAverageBefore = os.loadavg()[0];
  const outcome = await (runtime === 'dawn' ? benchOnDawn : benchInBrowser)(
    {
      contenders: contenders.filter(({ engine }) => ENGINES[engine].runs !== 'python'),
      recipe,
      rounds,
      wantsKernels,
      wantsInputs: yardsticks.length > 0,
    },
    log,
  );
  const { browser, adapter, arithmetic, peaks, inputs } = outcome;
  const results = [
    ...outcome.results,
    ...(yardsticks.length === 0 ? [] : await runYardsticks(yardsticks, rounds, interpreters, inputs, log)),
  ];
  const [{ model }] = os.cpus();
  const machine = {
    cpu: model.trim(),
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    loadAverageBefore,
    loadAverage: os.loadavg()[0],
  };

  const { formatKernels, formatPeaks, formatRatios, formatResults, ratiosOf } =
    await import('./lib/bench-report.mjs');
  const ratios = ratiosOf(results, arithmetic, peaks);
  const place = adapter === null ? browser : `${browser}, ${adapter}`;
  const parts = [
    `${place}, recipe ${recipe}`,
    formatResults(results),
    formatPeaks(peaks),
    formatKernels(results, peaks),
  ];
  if (ratios.length > 0) parts.push(formatRatios(ratios));
  console.log(`\n${parts.filter((part) => part !== '').join('\n\n')}`);
  if (json === undefined) return;
  const { writeFile } = await import('node:fs/promises');
  const written = { machine, browser, adapter, recipe, arithmetic, peaks, results, ratios };
  await writeFile(json, `${JSON.stringify(written, null, 2)}\n`);
});
