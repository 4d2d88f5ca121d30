/** `npm run train`: trains without a window, in headless Chromium. `-- --help` lists the options. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { parseTrainOptions, trainHelp } = await import('./lib/train-options.mjs');
  const options = parseTrainOptions(args);
  if (options.help) {
    console.log(trainHelp());
    return 0;
  }
  const { train } = await import('./lib/train-run.mjs');
  return train(options);
});
