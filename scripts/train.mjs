/** `npm run train`: trains without a window, in headless Chromium. `-- --help` lists the options. */

import { heedInterruptions } from './lib/interruption.mjs';
import { main } from './lib/main.mjs';

await main(async (args) => {
  // Before anything that takes time: a wish to stop may come in the first second.
  heedInterruptions();
  const { parseTrainOptions, trainHelp } = await import('./lib/train-options.mjs');
  const options = parseTrainOptions(args);
  if (options.help) {
    console.log(trainHelp());
    return 0;
  }
  const { train } = await import('./lib/train-run.mjs');
  return train(options);
});
