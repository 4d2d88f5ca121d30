/** `npm run digit-reader`: trains the classifier that `npm run read-digits` reads with. `-- --help` lists the options. */

import { heedInterruptions } from './lib/interruption.mjs';
import { main } from './lib/main.mjs';

await main(async (args) => {
  // Before anything that takes time: a wish to stop may come in the first second.
  heedInterruptions();
  const { parseReaderOptions, readerHelp } = await import('./lib/digit-reader-options.mjs');
  const options = parseReaderOptions(args);
  if (options === null) {
    console.log(readerHelp());
    return 0;
  }
  const { trainReader } = await import('./lib/digit-reader-run.mjs');
  return trainReader(options);
});
