/**
 * Runs test/worker and test/ui in the browser of scripts/lib/browser.mjs, TypeScript served file by
 * file, so that `import.meta.url` and `new Worker(new URL(...))` mean what they mean in the source.
 * The environment names the files (TEST_FILES, comma-separated globs) and the file for the counts.
 */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { esbuildPlugin } from '@web/dev-server-esbuild';
import { defaultReporter } from '@web/test-runner';
import { chromeLauncher } from '@web/test-runner-chrome';
import { bundleDependencies } from './scripts/lib/browser-dependencies.mjs';
import { countReporter } from './scripts/lib/browser-test-report.mjs';
import { launchBrowser } from './scripts/lib/browser.mjs';
import { ensureData } from './scripts/lib/data.mjs';
import { CACHE, ROOT, inRoot } from './scripts/lib/paths.mjs';
import { WASM_BINARIES, wasmBinaryPath } from './scripts/lib/site.mjs';
import { KERNEL_BINARIES, buildKernels, kernelBinaryPath } from './scripts/lib/wasm-kernels.mjs';
import { typeScriptPathOf } from './scripts/lib/typescript-requests.mjs';

const requireWebGpu = process.env.REQUIRE_WEBGPU === '1';
const files = (process.env.TEST_FILES ?? 'test/worker/**/*.test.ts,test/ui/**/*.test.ts').split(',');

/** TypeScript files under a folder; none where there is no such folder. */
function sourcesIn(folder) {
  if (!existsSync(inRoot(folder))) return [];
  return readdirSync(inRoot(folder), { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
}

const browserFolders = ['src', 'test/worker', 'test/ui', 'test/long/worker'];
const dependencyUrl = await bundleDependencies(browserFolders.flatMap(sourcesIn));
const dataFolder = await ensureData();
await buildKernels();

const toUrlPath = (file) => `/${path.relative(ROOT, file).split(path.sep).join('/')}`;

/** Requests for what the built site has beside its scripts, and for TypeScript under its `.js` name. */
async function mapRequests(context, next) {
  const name = path.posix.basename(context.path);
  if (WASM_BINARIES.includes(name)) context.path = toUrlPath(wasmBinaryPath(name));
  else if (KERNEL_BINARIES.includes(name)) context.path = toUrlPath(kernelBinaryPath(name));
  else if (context.path.startsWith('/data/')) context.path = toUrlPath(path.join(dataFolder, name));
  else context.path = typeScriptPathOf(context.path) ?? context.path;
  await next();
  context.set({
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
  });
}

const dependencies = {
  name: 'dependencies',
  resolveImport: ({ source }) => dependencyUrl(source),
};

export default {
  files,
  rootDir: ROOT,
  // One page at a time: backends share two cores and one software GPU, and hidden pages are throttled.
  concurrency: 1,
  staticLogging: true,
  testsStartTimeout: 60_000,
  testsFinishTimeout: 10 * 60_000,
  testFramework: { config: { ui: 'bdd', timeout: 60_000 } },
  browsers: [
    chromeLauncher({
      puppeteer: { launch: ({ headless }) => launchBrowser({ purpose: 'test', headless }) },
    }),
  ],
  plugins: [
    dependencies,
    esbuildPlugin({ ts: true, target: 'es2022', tsconfig: inRoot('tsconfig.base.json') }),
  ],
  middleware: [mapRequests],
  testRunnerHtml: (testFramework) =>
    `<!doctype html><html lang="en"><body><script>globalThis.REQUIRE_WEBGPU = ${requireWebGpu};</script>` +
    `<script type="module" src="${testFramework}"></script></body></html>`,
  reporters: [
    defaultReporter({ reportTestProgress: false }),
    countReporter({
      file: process.env.TEST_COUNTS ?? path.join(CACHE, 'counts', 'browser.json'),
      requireEveryTest: requireWebGpu,
    }),
  ],
};
