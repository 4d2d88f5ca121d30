/** `npm run build`: makes `dist`, the site as it is served. */

import { main } from './lib/main.mjs';

const HELP = `npm run build

Builds the site into dist/. Takes no options.`;

await main(async (args) => {
  const { parseOptions } = await import('./lib/options.mjs');
  if (parseOptions('build', args, { help: { type: 'boolean' } }).help) {
    console.log(HELP);
    return;
  }
  const { buildSite } = await import('./lib/site.mjs');
  await buildSite();
});
