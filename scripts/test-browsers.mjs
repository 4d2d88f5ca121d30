/** `npm run test:browsers`: the built site in Firefox and WebKitGTK, where they are. Takes what `npm test` takes. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { finish, planTests, runPlan } = await import('./lib/run-tests.mjs');
  const { BROWSER_TEST_FOLDERS } = await import('./lib/test-files.mjs');
  return finish(await runPlan({ checks: ['build'], files: planTests(args, BROWSER_TEST_FOLDERS).files }));
});
