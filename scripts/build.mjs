/** `npm run build`: makes `dist`, the site as it is served. */

import { main } from './lib/main.mjs';

await main(async () => {
  const { buildSite } = await import('./lib/site.mjs');
  await buildSite();
});
