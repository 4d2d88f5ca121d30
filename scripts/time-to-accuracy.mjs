/** `npm run time-to-accuracy`: how long a recipe for few labels takes to an accuracy, beside the same recipe in PyTorch. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { HELP, parseTimeToAccuracyOptions } = await import('./lib/time-to-accuracy-options.mjs');
  const options = parseTimeToAccuracyOptions(args);
  if (options === null) return console.log(HELP);
  const { measureTimeToAccuracy } = await import('./lib/time-to-accuracy-run.mjs');
  return measureTimeToAccuracy(options);
});
