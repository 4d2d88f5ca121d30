/** What `npm run gpu-audit` may be asked for, and every refusal that needs no run. */

import { resolveGiven } from './invocation.mjs';
import { parseList, parseOptions } from './options.mjs';
import { importSource } from './source-modules.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');
const { OPTIONAL_FEATURES } = await importSource('src/worker/engine/webgpu/optional-features.ts');

/** The settings that ask for features of an adapter, as options. */
const FEATURES = Object.keys(OPTIONAL_FEATURES);

export const HELP = `npm run gpu-audit -- [options]

Compiles the webgpu engine's kernels for an AMD GPU that is not there (Mesa's RADV) and prints, for each
dispatch of a train step, one for each stage, and of an evaluation pass, registers, LDS, occupancy and instruction mix, as the
compiler tells them, and a modelled time on an integrated and a discrete GPU. bench/README.md says what the
model assumes. Needs Linux on x64, and Mesa; without them it says so and does nothing.

  --recipe LIST    of ${RECIPE_NAMES.join(', ')} (default all)
  --subgroups      of the kernels that the setting of that name asks for
  --float16        the same; the SPIR-V is then made for Mesa's lavapipe, or the driver in VK_ICD_FILENAMES
  --json FILE      where the figures go as well
  --compare FILE   figures of an earlier run: prints what has changed since
  --help           this text`;

/** The options; null where the help was asked for. Throws a UsageError. */
export function parseAuditOptions(args, env) {
  const given = parseOptions(
    'gpu-audit',
    args,
    {
      recipe: { type: 'string', default: 'all' },
      ...Object.fromEntries(FEATURES.map((name) => [name, { type: 'boolean', default: false }])),
      json: { type: 'string' },
      compare: { type: 'string' },
      help: { type: 'boolean' },
    },
    env,
  );
  if (given.help) return null;
  const recipes = [...new Set(parseList('recipe', given.recipe, RECIPE_NAMES))];
  const features = Object.fromEntries(FEATURES.map((name) => [name, given[name]]));
  return { recipes, features, json: resolveGiven(given.json), compare: resolveGiven(given.compare) };
}
