/** What `npm run wgsl` may be asked for. */

import { resolveGiven } from './invocation.mjs';
import { parseList, parseOptions } from './options.mjs';
import { importSource } from './source-modules.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

export const HELP = `npm run wgsl -- [options]

Collects every WGSL text that the webgpu engine makes for a recipe, with every tile that an adapter may choose, and checks
that each stays inside WebGPU's default limits. Where naga is (cargo install naga-cli), it checks them too, and
translates each to SPIR-V, MSL, HLSL and GLSL; without it the run says so. Needs no GPU.

  --recipe LIST    of ${RECIPE_NAMES.join(', ')} (default all)
  --dump FOLDER    where the texts go as well, a file each
  --report FILE    where the result goes as well, as Markdown
  --help           this text`;

/** The options; null where the help was asked for. Throws a UsageError. */
export function parseWgslOptions(args, env) {
  const given = parseOptions(
    'wgsl',
    args,
    {
      recipe: { type: 'string', default: 'all' },
      dump: { type: 'string' },
      report: { type: 'string' },
      help: { type: 'boolean' },
    },
    env,
  );
  if (given.help) return null;
  const recipes = [...new Set(parseList('recipe', given.recipe, RECIPE_NAMES))];
  return { recipes, dump: resolveGiven(given.dump), report: resolveGiven(given.report) };
}
