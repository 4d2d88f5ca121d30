/** `npm run protocol`: measures a recipe on several draws of labels. `-- --help` lists the options. */

import { heedInterruptions } from './lib/interruption.mjs';
import { main } from './lib/main.mjs';

await main(async (args) => {
  // Before anything that takes time: a wish to stop may come in the first second.
  heedInterruptions();
  const { parseProtocolOptions, protocolHelp } = await import('./lib/protocol-options.mjs');
  const options = parseProtocolOptions(args);
  if (options === null) {
    console.log(protocolHelp());
    return 0;
  }
  const { protocol } = await import('./lib/protocol-run.mjs');
  return protocol(options);
});
