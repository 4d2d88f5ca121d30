/** `npm run sweep`: trains many runs, here or on a Selenium Grid, and sums them up. `-- --help` lists the options. */

import { heedInterruptions } from './lib/interruption.mjs';
import { main } from './lib/main.mjs';

await main(async (args) => {
  // Before anything that takes time: a wish to stop may come in the first second.
  heedInterruptions();
  const { parseSweepOptions, sweepHelp } = await import('./lib/sweep-options.mjs');
  const options = parseSweepOptions(args);
  if (options === null) {
    console.log(sweepHelp());
    return 0;
  }
  const { sweep } = await import('./lib/sweep-run.mjs');
  return sweep(options);
});
