/**
 * `npm test`: types, lint, build, unit tests, browser tests, page tests. `-- FILE…` runs these test
 * files alone, `-- --only unit,worker` these groups.
 */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { finish, planTests, runPlan } = await import('./lib/run-tests.mjs');
  const { TEST_FOLDERS } = await import('./lib/test-files.mjs');
  return finish(await runPlan(planTests(args, TEST_FOLDERS)));
});
