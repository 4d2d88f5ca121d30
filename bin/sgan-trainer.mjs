#!/usr/bin/env node
/** `npx sgan-trainer`. The command is imported once Node is known to be new enough for it. */

import { nodeProblem } from './lib/node-version.mjs';

const problem = nodeProblem();
if (problem === null) {
  const { runCommand } = await import('./lib/command.mjs');
  process.exitCode = await runCommand(process.argv.slice(2));
} else {
  console.error(problem);
  process.exitCode = 1;
}
