/** `npm run read-digits`: whether the images that a run's generator draws can be read. `-- --help` lists the options. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { parseReadOptions, readHelp } = await import('./lib/digit-reader-options.mjs');
  const options = parseReadOptions(args);
  if (options === null) {
    console.log(readHelp());
    return 0;
  }
  const { readDigits } = await import('./lib/digit-reader-run.mjs');
  return readDigits(options);
});
