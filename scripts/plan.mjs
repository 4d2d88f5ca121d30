/** `npm run plan`: prints the plan of a recipe as tables, one for each program. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { printPlan } = await import('./lib/plan-table.mjs');
  await printPlan(args);
});
