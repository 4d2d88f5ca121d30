/** `npm run test:grid`: sweeps on a Selenium Grid that the test starts, where Java is. Takes what `npm test` takes. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { finish, planTests, runPlan } = await import('./lib/run-tests.mjs');
  const { GRID_TEST_FOLDERS } = await import('./lib/test-files.mjs');
  return finish(await runPlan({ checks: [], files: planTests(args, GRID_TEST_FOLDERS).files }));
});
