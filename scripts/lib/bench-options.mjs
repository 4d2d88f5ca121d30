/** What `npm run bench` may be asked for, and every refusal that needs no run. */

import { parseList, parseOptions, parseWholeNumber } from './options.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importSource } from './source-modules.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

/** Every engine and yardstick: where it runs, whether threads are chosen, what it knows. */
const {
  CONTENDERS: ENGINES,
  YARDSTICK_RECIPE: PEER_RECIPE,
  describeCopies,
  recipeRefusal,
} = await importSource('src/protocol/benchmark/contenders.ts');
const { stageMeant, stagesOf } = await importSource('src/protocol/benchmark/stages.ts');
const { PRESETS, PRESET_NAMES, fixedTurns } = await importSource('src/protocol/benchmark/pacing.ts');
const { SETTING_RANGES } = await importSource('src/protocol/settings.ts');
export { ENGINES };

const COMPILED = 'pytorch-compiled';
const RUNTIMES = ['browser', 'dawn'];

export const HELP = `npm run bench -- [options]

Measures a training step and an evaluation of several engines, which take turns in one run; the Python
yardsticks follow, once for each number of threads.

  --engines LIST   of ${Object.keys(ENGINES).join(', ')}
                   (default webgpu,tfjs-webgpu,jax-js)
  --threads LIST   compute threads, for each engine that has them (default 1,2)
  --recipe NAME    what the engines train (default ${PEER_RECIPE}, which every yardstick but ${COMPILED} knows; plain
                   TensorFlow.js knows the recipes for few labels as well, pytorch the stages look and learn of
                   few-labels, eager and through torch.compile)
  --stage KEY      the stage of the recipe that is measured, by itself (default the longest that learns from labels)
  --batch N        another batch than the recipe's
  --steps N        rounds; in each, every engine makes steps for 0.1 s, one at least (default 5)
  --preset NAME    ${PRESET_NAMES.join(' or ')}, as on the page, instead of rounds: until the figures are steady or
                   the time is up
  --kernels        time the step's operations one by one as well (webgpu, wasm, wasm-plain)
  --runtime NAME   browser, or dawn for Dawn on Node, which has the GPU engines only (default browser)
  --python FOLDER  with a virtual environment for each yardstick: FOLDER/pytorch, FOLDER/tensorflow
                   (default: the python3 on PATH)
  --json FILE      where the figures go as well; the page opens it
  --html FILE      the page with these figures in it, as one file to send to somebody
  --help           this text`;

function parseChoice(name, value, allowed) {
  if (allowed.includes(value)) return value;
  throw new UsageError(`--${name} is "${value}"; allowed are ${allowed.join(', ')}.`);
}

/** Engines and yardsticks, each once; those of a list have to know the recipe, and `all` are those that do. */
function enginesOf(text, recipe, stage) {
  const isAble = (engine) => recipeRefusal({ engine }, recipe, stage) === null;
  const listed = [...new Set(parseList('engines', text, Object.keys(ENGINES)))];
  if (text === 'all') return listed.filter(isAble);
  const peers = listed.filter((engine) => !isAble(engine));
  if (peers.length > 0) {
    const known = [...new Set(peers.map(describeCopies))].join(', or ');
    throw new UsageError(
      `${peers.join(', ')} can train ${known} only, not ${recipe}, stage ${stage}; leave them out of --engines.`,
    );
  }
  // Of what PyTorch knows twice both are meant.
  return listed.flatMap((engine) =>
    engine === 'pytorch' && !listed.includes(COMPILED) && isAble(COMPILED) ? [engine, COMPILED] : [engine],
  );
}

/** The options, checked against each other; null where the help was asked for. Throws a UsageError. */
export function parseBenchOptions(args, env) {
  const given = parseOptions(
    'bench',
    args,
    {
      engines: { type: 'string', default: 'webgpu,tfjs-webgpu,jax-js' },
      threads: { type: 'string', default: '1,2' },
      recipe: { type: 'string', default: PEER_RECIPE },
      stage: { type: 'string' },
      batch: { type: 'string' },
      steps: { type: 'string' },
      preset: { type: 'string' },
      kernels: { type: 'boolean', default: false },
      runtime: { type: 'string', default: 'browser' },
      python: { type: 'string' },
      json: { type: 'string' },
      html: { type: 'string' },
      help: { type: 'boolean' },
    },
    env,
  );
  if (given.help) return null;
  if (given.json !== undefined && resolveGiven(given.json) === resolveGiven(given.html)) {
    throw new UsageError('--json and --html name the same file: give each its own.');
  }
  const threads = [
    ...new Set(given.threads.split(',').map((text) => parseWholeNumber('threads', text, 1, 32))),
  ];
  const recipe = parseChoice('recipe', given.recipe, RECIPE_NAMES);
  const stage = given.stage === undefined ? null : parseChoice('stage', given.stage, stagesOf(recipe));
  const engines = enginesOf(given.engines, recipe, stageMeant(recipe, stage));
  const runtime = parseChoice('runtime', given.runtime, RUNTIMES);
  const rounds = parseWholeNumber('steps', given.steps ?? '5', 1, 10_000);
  if (given.preset !== undefined && given.steps !== undefined) {
    throw new UsageError('--preset and --steps exclude each other: leave one out.');
  }
  const preset = given.preset === undefined ? null : parseChoice('preset', given.preset, PRESET_NAMES);
  const { min, max } = SETTING_RANGES.batch;
  const batch = given.batch === undefined ? null : parseWholeNumber('batch', given.batch, min, max);
  const desktop = engines.filter((engine) => ENGINES[engine].runsOn === 'python');
  if (batch !== null && desktop.length > 0) {
    throw new UsageError(`${desktop.join(', ')} know the recipe's own batch only; leave out --batch.`);
  }
  const strangers = engines.filter((engine) => ENGINES[engine].runsOn !== 'webgpu');
  if (runtime === 'dawn' && strangers.length > 0) {
    throw new UsageError(
      `Dawn for Node has no ${strangers.join(', ')}: leave them out of --engines, or the option --runtime.`,
    );
  }
  const contenders = engines.flatMap((engine) =>
    (ENGINES[engine].hasThreads ? threads : [null]).map((count) => ({ engine, threads: count })),
  );
  return {
    contenders,
    recipe,
    stage,
    batch,
    runtime,
    rounds,
    preset,
    pacing: preset === null ? fixedTurns(rounds) : PRESETS[preset],
    // Python has no presets: about as many rounds as an engine takes turns.
    yardstickRounds: preset === null ? rounds : 4 * PRESETS[preset].leastTurns,
    wantsKernels: given.kernels,
    python: resolveGiven(given.python),
    json: resolveGiven(given.json),
    html: resolveGiven(given.html),
  };
}
