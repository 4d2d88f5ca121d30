/**
 * How each group of tests is run. Every function returns counts: `passed`, `failed`, `skipped`; a
 * check that is not made of tests (types, lint, build) adds one failure or nothing.
 */

import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import esbuild from 'esbuild';
import { loaders } from '../../esbuild.config.mjs';
import { inRoot } from './paths.mjs';
import { runNode, runPackage } from './run-command.mjs';
import { buildSite } from './site.mjs';
import { withCountsFile, withTemporaryFolder } from './temporary.mjs';
import { buildKernels } from './wasm-kernels.mjs';

export const NO_TESTS = { passed: 0, failed: 0, skipped: 0 };
const ONE_FAILURE = { ...NO_TESTS, failed: 1 };

const TYPESCRIPT_PROJECTS = ['src', 'src/worker', 'src/ui', 'test'];

/** Runs `work` with the path of a file it writes counts to; a bad exit code is a failure at least. */
function withCounts(name, work) {
  return withCountsFile(name, async (file) => {
    const exitCode = await work(file);
    const text = await readFile(file, 'utf8').catch(() => '');
    const counts = text === '' ? NO_TESTS : JSON.parse(text);
    const isUncounted = counts.failed === 0 && (exitCode !== 0 || text === '');
    return isUncounted ? { ...counts, failed: 1 } : counts;
  });
}

function runNodeTests(name, files, nodeFlags = []) {
  return withCounts(name, (countsFile) =>
    runNode([
      ...nodeFlags,
      '--test',
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./scripts/lib/node-test-report.mjs',
      `--test-reporter-destination=${countsFile}`,
      ...files,
    ]),
  );
}

/** Runs commands of packages side by side; each that does not end well is a failure. */
async function runChecks(checks) {
  const exitCodes = await Promise.all(checks.map(([script, args]) => runPackage(script, args)));
  return { ...NO_TESTS, failed: exitCodes.filter((exitCode) => exitCode !== 0).length };
}

/** Type-checks each side of the thread boundary with its own configuration. */
export function checkTypes() {
  return runChecks(
    TYPESCRIPT_PROJECTS.map((project) => ['typescript/bin/tsc', ['-p', `${project}/tsconfig.json`]]),
  );
}

/** Format, rules of the language, and the arrows between the rooms. */
export function lint() {
  return runChecks([
    ['prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']],
    ['eslint/bin/eslint.js', ['--max-warnings=0', '.']],
    ['dependency-cruiser/bin/dependency-cruise.mjs', ['--config', '.dependency-cruiser.mjs', 'src']],
  ]);
}

export async function build() {
  try {
    await buildSite();
    return NO_TESTS;
  } catch (error) {
    console.error(`The build failed: ${error.message}`);
    return ONE_FAILURE;
  }
}

/** Unit tests: TypeScript is bundled for Node, `.mjs` files run as they are. */
export function runUnitTests(files) {
  return withTemporaryFolder('unit-tests', (outdir) => bundleAndRun(files, outdir));
}

async function bundleAndRun(files, outdir) {
  const isTypeScript = (file) => file.endsWith('.ts');
  try {
    // Tests of the wasm engine read its binaries from the cache.
    await buildKernels();
    await esbuild.build({
      absWorkingDir: inRoot(),
      entryPoints: files.filter(isTypeScript),
      outbase: '.',
      outdir,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      loader: loaders,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // The ES modules of a package where it has them: its CommonJS cannot be split into chunks.
      mainFields: ['module', 'main'],
      external: ['assemblyscript', 'esbuild', 'puppeteer-core', 'typescript', 'eslint', 'webgpu'],
      // CommonJS packages call `require`; a global one cannot collide with a package's own.
      banner: { js: "globalThis.require ??= (await import('node:module')).createRequire(import.meta.url);" },
      sourcemap: 'inline',
      logLevel: 'warning',
    });
    const bundled = files.map((file) =>
      isTypeScript(file) ? path.join(outdir, file.replace(/\.ts$/, '.mjs')) : inRoot(file),
    );
    return await runNodeTests('unit', bundled, [
      '--enable-source-maps',
      `--test-concurrency=${os.availableParallelism()}`,
    ]);
  } catch (error) {
    console.error(`The unit tests could not be bundled: ${error.message}`);
    return ONE_FAILURE;
  }
}

/** Tests of the worker and of the element, in a real browser. */
export function runBrowserTests(files) {
  return withCounts('browser', (countsFile) =>
    runPackage('@web/test-runner/dist/bin.js', ['--config', 'web-test-runner.config.mjs'], {
      TEST_FILES: files.join(','),
      TEST_COUNTS: countsFile,
    }),
  );
}

/** Tests of the built site and of the commands; one file at a time, each drives a browser of its own. */
export function runPageTests(files) {
  return runNodeTests(
    'page',
    files.map((file) => inRoot(file)),
    ['--test-concurrency=1'],
  );
}
