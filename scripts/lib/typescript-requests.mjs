/** Browser tests ask for modules by their `.js` name; the files in the tree are TypeScript. */

import { existsSync } from 'node:fs';
import { inRoot } from './paths.mjs';

/** `/src/worker/worker.js` -> `/src/worker/worker.ts` where only that exists, else undefined. */
export function typeScriptPathOf(urlPath) {
  if (!/^\/(src|test)\/.*\.js$/.test(urlPath)) return undefined;
  const candidate = `${urlPath.slice(0, -'.js'.length)}.ts`;
  return !existsSync(inRoot(urlPath)) && existsSync(inRoot(candidate)) ? candidate : undefined;
}
