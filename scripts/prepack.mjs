/** Before `npm pack` and `npm publish`: builds the site, the declarations and the manifest. */

import { main } from './lib/main.mjs';

await main(async () => {
  const { buildSite } = await import('./lib/site.mjs');
  const { buildPackageFiles } = await import('./lib/package.mjs');
  await buildSite();
  await buildPackageFiles();
});
