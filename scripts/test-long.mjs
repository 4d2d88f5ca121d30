/** `npm run test:long`: the tests under test/long, full-sized and slow. Takes what `npm test` takes. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { finish, planTests, runPlan } = await import('./lib/run-tests.mjs');
  const { LONG_TEST_FOLDERS } = await import('./lib/test-files.mjs');
  const { files } = planTests(args, LONG_TEST_FOLDERS);
  return finish(await runPlan({ checks: ['build'], files }));
});
