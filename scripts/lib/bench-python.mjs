/**
 * The Python yardsticks of the benchmark: finds an interpreter that has each one's package, hands over
 * a step's inputs as files, runs it. A yardstick whose loss differs from the engine's is not timed.
 */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from './main.mjs';
import { quoteWord } from './invocation.mjs';
import { inRoot } from './paths.mjs';
import { importSource } from './source-modules.mjs';
import { withTemporaryFolder } from './temporary.mjs';

const { emptyResult } = await importSource('src/protocol/benchmark/report.ts');

const run = promisify(execFile);

/** What each yardstick imports. */
const MODULES = { pytorch: 'torch', tensorflow: 'tensorflow' };
const IN_ENVIRONMENT = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];

async function hasModule(interpreter, module) {
  const script = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  return run(interpreter, ['-c', script]).then(
    () => true,
    () => false,
  );
}

/** The interpreter of each yardstick, by its name. Throws a UsageError that says what to install. */
export async function findInterpreters(names, folder) {
  const found = {};
  for (const name of names) {
    const interpreter = folder === undefined ? 'python3' : path.join(folder, name, ...IN_ENVIRONMENT);
    if (!(await hasModule(interpreter, MODULES[name]))) {
      const where = folder ?? 'FOLDER';
      const environment = path.join(where, name);
      const pip = path.join(environment, path.dirname(path.join(...IN_ENVIRONMENT)), 'pip');
      const requirements = quoteWord(inRoot('bench', 'peers', name, 'requirements.txt'));
      throw new UsageError(
        `${name} needs a Python with the package ${MODULES[name]}, which ${interpreter} is not. Make one: ` +
          `python3 -m venv ${quoteWord(environment)} && ${quoteWord(pip)} install -r ${requirements}, ` +
          `then --python ${quoteWord(where)}; or leave ${name} out of --engines.`,
      );
    }
    found[name] = interpreter;
  }
  return found;
}

async function writeInputs({ arrays, losses }, folder) {
  const entries = [];
  for (const [index, { name, shape, bytes }] of arrays.entries()) {
    const file = `${index}.f32`;
    await writeFile(path.join(folder, file), bytes);
    entries.push({ name, shape, file });
  }
  await writeFile(path.join(folder, 'index.json'), JSON.stringify({ arrays: entries, losses }));
}

async function runYardstick({ engine, threads }, rounds, interpreter, inputs) {
  const script = inRoot('bench', 'peers', engine, 'step.py');
  const numbers = ['--threads', String(threads), '--rounds', String(rounds)];
  // Libraries that count threads by themselves are told the same number.
  const env = { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const { stdout } = await run(interpreter, [script, '--inputs', inputs, ...numbers], { env }).catch(
    (error) => {
      throw new Error(`${engine} failed: ${error.stderr?.trim() || error.message}`, { cause: error });
    },
  );
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Results of the contenders, one after another, in the form of the engines' own. */
export function runYardsticks(contenders, rounds, interpreters, inputs, log) {
  return withTemporaryFolder('bench', async (folder) => {
    await writeInputs(inputs, folder);
    const results = [];
    for (const contender of contenders) {
      const { version, msPerStep, steps, lossDifference } = await runYardstick(
        contender,
        rounds,
        interpreters[contender.engine],
        folder,
      );
      log(`${contender.engine} ${version}, ${contender.threads} threads: the loss of step 1 agrees`);
      const difference = { losses: lossDifference, logits: null, gradients: null };
      results.push({ ...emptyResult(contender), version, msPerStep, steps, difference });
    }
    return results;
  });
}
