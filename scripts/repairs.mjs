/** `npm run repairs`: what each repair of the notebook buys. `-- --help` lists the options. */

import { heedInterruptions } from './lib/interruption.mjs';
import { main } from './lib/main.mjs';

await main(async (args) => {
  // Before anything that takes time: a wish to stop may come in the first second.
  heedInterruptions();
  const { parseRepairsOptions, repairsTableHelp } = await import('./lib/repairs-options.mjs');
  const options = parseRepairsOptions(args);
  if (options === null) {
    console.log(repairsTableHelp());
    return 0;
  }
  const { measureRepairs } = await import('./lib/repairs-run.mjs');
  return measureRepairs(options);
});
