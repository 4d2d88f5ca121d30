/** `npm run bench`: measures engines and peers side by side, in a browser or on Dawn for Node. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { ENGINES, HELP, parseBenchOptions } = await import('./lib/bench-options.mjs');
  const options = parseBenchOptions(args);
  if (options === null) return console.log(HELP);
  const { contenders, recipe, stage, batch, runtime, preset, pacing, wantsKernels, python, json, html } =
    options;
  const log = (line) => console.log(line);
  const { prepareOutput } = await import('./lib/output-file.mjs');
  if (json !== undefined) await prepareOutput('json', json);
  if (html !== undefined) await prepareOutput('html', html);
  const { findInterpreters, runYardsticks } = await import('./lib/bench-python.mjs');
  const yardsticks = contenders.filter(({ engine }) => ENGINES[engine].runsOn === 'python');
  // Before the long part, so that what is missing is told at once.
  const interpreters = await findInterpreters(new Set(yardsticks.map(({ engine }) => engine)), python);

  const { benchInBrowser, benchOnDawn } = await import('./lib/bench-run.mjs');
  const { makeReport } = await import('./lib/bench-report.mjs');
  const os = await import('node:os');
  const date = new Date();
  const loadAverageBefore = os.loadavg()[0];
  const { describeStep, isStaged, stageOf } = await import('./lib/bench-step.mjs');
  const needsInputs = yardsticks.length > 0 && !isStaged(recipe);
  const outcome = await (runtime === 'dawn' ? benchOnDawn : benchInBrowser)(
    {
      contenders: contenders.filter(({ engine }) => ENGINES[engine].runsOn !== 'python'),
      recipe,
      stage,
      batch,
      pacing,
      wantsOperations: wantsKernels,
    },
    needsInputs,
    log,
  );
  const work = () =>
    needsInputs ? { inputs: outcome.inputs } : { inputs: null, step: describeStep(recipe, stage) };
  const results = [
    ...outcome.results,
    ...(yardsticks.length === 0
      ? []
      : await runYardsticks(yardsticks, options.yardstickRounds, interpreters, work(), log)),
  ];
  const report = makeReport(
    { ...outcome, results },
    { date, recipe, stage: stageOf(recipe, stage), preset, pacing, loadAverageBefore },
  );

  const { formatReport } = await import('./lib/bench-report.mjs');
  console.log(`\n${formatReport(report)}`);
  const { writeFile } = await import('node:fs/promises');
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 2)}\n`);
  if (html !== undefined) {
    const { makeResultPage } = await import('./lib/bench-html.mjs');
    await writeFile(html, await makeResultPage(report));
  }
  const failed = results.filter(({ failure }) => failure !== null);
  return failed.length === 0 ? undefined : 1;
});
