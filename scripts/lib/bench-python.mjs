/**
 * The Python yardsticks of the benchmark: finds an interpreter that has each one's package, hands over
 * a step's inputs, or what the recipe says of the step, as files, runs it. A yardstick whose loss differs from the
 * engine's, or is not finite where nothing can be compared, is not timed.
 */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from './main.mjs';
import { ensureData } from './data.mjs';
import { quoteWord } from './invocation.mjs';
import { inRoot } from './paths.mjs';
import { endTogether } from './run-command.mjs';
import { importSource } from './source-modules.mjs';
import { withTemporaryFolder } from './temporary.mjs';

const { emptyResult } = await importSource('src/protocol/benchmark/report.ts');

const run = promisify(execFile);

/** What each yardstick imports. */
const MODULES = { pytorch: 'torch', 'pytorch-compiled': 'torch', tensorflow: 'tensorflow' };
/** Whose folder and environment a yardstick has. */
const HOMES = { 'pytorch-compiled': 'pytorch' };
const homeOf = (name) => HOMES[name] ?? name;
/** Of what a yardstick prints; TensorFlow says much of the machine. */
const MOST_BYTES = 2 ** 26;
/** Of a failure's words, in the report. */
const MOST_CHARACTERS = 500;
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
    const interpreter = folder === undefined ? 'python3' : path.join(folder, homeOf(name), ...IN_ENVIRONMENT);
    if (!(await hasModule(interpreter, MODULES[name]))) {
      const where = folder ?? 'FOLDER';
      const environment = path.join(where, homeOf(name));
      const pip = path.join(environment, path.dirname(path.join(...IN_ENVIRONMENT)), 'pip');
      const requirements = quoteWord(inRoot('bench', 'peers', homeOf(name), 'requirements.txt'));
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

/** The environment, in which libraries that count threads by themselves are told the same number. */
export function withThreads(threads) {
  return { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
}

async function runYardstick({ engine, threads }, rounds, interpreter, { script, args }) {
  const file = inRoot('bench', 'peers', homeOf(engine), script);
  const numbers = ['--threads', String(threads), '--rounds', String(rounds)];
  const compile = engine === 'pytorch-compiled' ? ['--compile'] : [];
  const words = [file, ...args, ...numbers, ...compile];
  const running = run(interpreter, words, { env: withThreads(threads), maxBuffer: MOST_BYTES });
  // It measures for minutes: it is not left behind.
  const leaveOff = endTogether(running.child);
  const { stdout } = await running
    .catch((error) => {
      throw new Error(`${engine} failed: ${error.stderr?.trim() || error.message}`, { cause: error });
    })
    .finally(leaveOff);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** Writes what the yardsticks work from, and says which script they are and what it is told. */
async function prepare({ inputs, step }, folder) {
  if (inputs !== null) {
    await writeInputs(inputs, folder);
    return { script: 'step.py', args: ['--inputs', folder] };
  }
  const file = path.join(folder, 'step.json');
  await writeFile(file, JSON.stringify(step));
  return { script: 'few_labels.py', args: ['--step', file, '--data', await ensureData()] };
}

/**
 * Results of the contenders, one after another, in the form of the engines' own. `work`: the `inputs` of an engine's
 * step, or, where these are null, the `step` as the recipe has it.
 */
export function runYardsticks(contenders, rounds, interpreters, work, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const prepared = await prepare(work, folder);
    const results = [];
    for (const contender of contenders) {
      const interpreter = interpreters[contender.engine];
      const measured = await runYardstick(contender, rounds, interpreter, prepared).catch((error) => error);
      if (measured instanceof Error) {
        log(measured.message);
        // The end of a Python's last words says what was wrong.
        results.push(emptyResult(contender, measured.message.slice(-MOST_CHARACTERS)));
        continue;
      }
      const { version, msPerStep, steps, lossDifference } = measured;
      const isCompared = lossDifference !== null;
      const checked = isCompared ? 'the loss of step 1 agrees' : 'the losses of step 1 are finite';
      log(`${contender.engine} ${version}, ${contender.threads} threads: ${checked}`);
      const difference = isCompared ? { losses: lossDifference, logits: null, gradients: null } : null;
      results.push({ ...emptyResult(contender), version, msPerStep, steps, difference });
    }
    return results;
  });
}
