/** What `npm run bench` may be asked for: engines, their kinds, and every refusal that needs no run. */

import { parseList, parseOptions, parseWholeNumber } from './options.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importSource } from './source-modules.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

/** Every engine and yardstick: where it runs, whether threads are chosen, whether it knows one recipe only. */
export const ENGINES = {
  webgpu: { runs: 'gpu' },
  'tfjs-plain': { runs: 'gpu', isPeer: true },
  'jax-js': { runs: 'gpu', isPeer: true },
  wasm: { runs: 'cpu', hasThreads: true },
  'wasm-plain': { runs: 'cpu', hasThreads: true },
  'tfjs-wasm': { runs: 'cpu', isPeer: true },
  pytorch: { runs: 'python', hasThreads: true, isPeer: true },
  tensorflow: { runs: 'python', hasThreads: true, isPeer: true },
};

/** What the peers' steps are a copy of. */
const PEER_RECIPE = 'notebook';
const RUNTIMES = ['browser', 'dawn'];

export const HELP = `npm run bench -- [options]

Measures a training step and an evaluation of several engines, which take turns in one run; the Python
yardsticks follow, once for each number of threads.

  --engines LIST   of ${Object.keys(ENGINES).join(', ')}
                   (default webgpu,tfjs-plain,jax-js)
  --threads LIST   compute threads, for each engine that has them (default 1,2)
  --recipe NAME    what the engines train (default ${PEER_RECIPE}; the peers know no other)
  --steps N        rounds; in each, every engine makes steps for 0.1 s, one at least (default 5)
  --kernels        time the step's operations one by one as well (webgpu, wasm, wasm-plain)
  --runtime NAME   browser, or dawn for Dawn on Node, which has the GPU engines only (default browser)
  --python FOLDER  with a virtual environment for each yardstick: FOLDER/pytorch, FOLDER/tensorflow
                   (default: the python3 on PATH)
  --json FILE      where the figures go as well
  --help           this text`;

function parseChoice(name, value, allowed) {
  if (allowed.includes(value)) return value;
  throw new UsageError(`--${name} is "${value}"; allowed are ${allowed.join(', ')}.`);
}

/** The options, checked against each other; null where the help was asked for. Throws a UsageError. */
export function parseBenchOptions(args, env) {
  const given = parseOptions(
    'bench',
    args,
    {
      engines: { type: 'string', default: 'webgpu,tfjs-plain,jax-js' },
      threads: { type: 'string', default: '1,2' },
      recipe: { type: 'string', default: PEER_RECIPE },
      steps: { type: 'string', default: '5' },
      kernels: { type: 'boolean', default: false },
      runtime: { type: 'string', default: 'browser' },
      python: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean' },
    },
    env,
  );
  if (given.help) return null;
  const engines = [...new Set(parseList('engines', given.engines, Object.keys(ENGINES)))];
  const threads = [
    ...new Set(given.threads.split(',').map((text) => parseWholeNumber('threads', text, 1, 32))),
  ];
  const recipe = parseChoice('recipe', given.recipe, RECIPE_NAMES);
  const runtime = parseChoice('runtime', given.runtime, RUNTIMES);
  const rounds = parseWholeNumber('steps', given.steps, 1, 10_000);
  const peers = engines.filter((engine) => ENGINES[engine].isPeer);
  if (recipe !== PEER_RECIPE && peers.length > 0) {
    throw new UsageError(
      `${peers.join(', ')} can train the recipe ${PEER_RECIPE} only, not ${recipe}; leave them out of --engines.`,
    );
  }
  const strangers = engines.filter((engine) => ENGINES[engine].runs !== 'gpu');
  if (runtime === 'dawn' && strangers.length > 0) {
    throw new UsageError(
      `Dawn for Node has no ${strangers.join(', ')}: leave them out of --engines, or the option --runtime.`,
    );
  }
  const contenders = engines.flatMap((engine) =>
    (ENGINES[engine].hasThreads ? threads : [null]).map((count) => ({ engine, threads: count })),
  );
  const [python, json] = [resolveGiven(given.python), resolveGiven(given.json)];
  return { contenders, recipe, runtime, rounds, wantsKernels: given.kernels, python, json };
}
