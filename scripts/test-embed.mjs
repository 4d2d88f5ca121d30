/**
 * `npm run test:embed`: packs the package, installs it outside the project in each of the examples, builds and
 * drives them in a browser. Installs the examples' bundlers with npm. Takes what `npm test` takes.
 */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { finish, planTests, runPlan } = await import('./lib/run-tests.mjs');
  const { EMBED_TEST_FOLDERS } = await import('./lib/test-files.mjs');
  const { files } = planTests(args, EMBED_TEST_FOLDERS);
  return finish(await runPlan({ checks: ['build'], files }));
});
