/**
 * Lint rules. Beside the usual ones, those of the house: which side of the thread boundary may import
 * what, which layer of the worker may know which (docs/architecture.md has the picture).
 */

import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Options of `no-restricted-imports` from pairs of patterns and reasons. */
function forbidImports(...rules) {
  return ['error', { patterns: rules.map(([group, message]) => ({ group, message })) }];
}

const WORKER_OF_UI = [
  ['**/worker/**', '@tensorflow/*', '@tensorflow/**'],
  'The page knows the worker only by protocol.ts: no code of it, no type, no tfjs.',
];
const UI_OF_WORKER = [
  ['**/ui/**', 'lit', 'lit/**', 'uplot'],
  'The worker knows nothing of the page.',
];
const RUN_OF_ENGINE = [
  ['**/run.js', '**/trainer.js', '**/loading.js', '**/checkpoint.js', '**/reporter.js', '**/worker.js'],
  'An engine computes; it knows nothing of runs, commands or the wire.',
];
const ENGINES_OF_PLAN = [
  ['**/webgpu/**', '**/wasm/**', '**/tfjs/**', '@tensorflow/**'],
  'The plan is data: it knows neither WGSL nor wasm nor tfjs.',
];
const TFJS_OF_WORKER = [
  ['@tensorflow/**'],
  'tfjs belongs to engine/tfjs and to model/layers-model.ts; everything else loads without it.',
];

const BROWSER_PAGE_GLOBALS = ['document', 'window', 'localStorage', 'sessionStorage', 'alert'].map((name) => ({
  name,
  message: 'There is none in a worker.',
}));

const NODE_GLOBALS = [
  'AbortController',
  'AbortSignal',
  'Buffer',
  'URL',
  'URLSearchParams',
  'clearInterval',
  'clearTimeout',
  'console',
  'fetch',
  'performance',
  'process',
  'setInterval',
  'setTimeout',
];

/** Page tests and the commands hand functions to a browser's page. */
const PAGE_GLOBALS = [
  'customElements',
  'document',
  'getComputedStyle',
  'localStorage',
  'location',
  'navigator',
  'window',
];

function readonlyGlobals(names) {
  return Object.fromEntries(names.map((name) => [name, 'readonly']));
}

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Name what you export: no default exports.',
};

export default defineConfig(
  { ignores: ['dist/', '.cache/', 'runs/', 'node_modules/', '**/build/', 'src/worker/engine/wasm/kernels/'] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: ['error', 'always'],
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
      'no-restricted-syntax': ['error', NO_DEFAULT_EXPORT],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // What was caught and is thrown on is unknown.
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowRethrowing: true }],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingUnknown: true }],
      // An interface with a body of its own is how a type map of the platform is extended.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      // A promise that a method returns is what an interface asks for, also where nothing is awaited.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/protocol.ts'],
    rules: { 'no-restricted-imports': forbidImports([['*', './**', '../**'], 'protocol.ts imports nothing.']) },
  },
  { files: ['src/ui/**'], rules: { 'no-restricted-imports': forbidImports(WORKER_OF_UI) } },
  {
    files: ['src/worker/**'],
    rules: {
      'no-restricted-imports': forbidImports(UI_OF_WORKER, TFJS_OF_WORKER),
      'no-restricted-globals': ['error', ...BROWSER_PAGE_GLOBALS],
    },
  },
  {
    files: ['src/worker/engine/**'],
    rules: { 'no-restricted-imports': forbidImports(UI_OF_WORKER, TFJS_OF_WORKER, RUN_OF_ENGINE) },
  },
  {
    files: ['src/worker/engine/plan/**'],
    rules: { 'no-restricted-imports': forbidImports(UI_OF_WORKER, RUN_OF_ENGINE, ENGINES_OF_PLAN) },
  },
  {
    files: ['src/worker/engine/tfjs/**'],
    rules: { 'no-restricted-imports': forbidImports(UI_OF_WORKER, RUN_OF_ENGINE) },
  },
  {
    files: ['src/worker/model/layers-model.ts'],
    rules: { 'no-restricted-imports': forbidImports(UI_OF_WORKER) },
  },
  { files: ['**/*.mjs'], languageOptions: { globals: readonlyGlobals([...NODE_GLOBALS, ...PAGE_GLOBALS]) } },
  { files: ['static/**/*.js'], languageOptions: { globals: readonlyGlobals(PAGE_GLOBALS) } },
  {
    // Their loaders ask for a default export; the bundler makes one of a style sheet.
    files: ['*.config.mjs', 'scripts/lib/node-test-report.mjs', 'src/ui/css-text.d.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // Chai's assertions are expressions.
      '@typescript-eslint/no-unused-expressions': 'off',
      // A stand-in for fetch takes whatever fetch takes.
      '@typescript-eslint/no-base-to-string': 'off',
    },
  },
  {
    files: ['test/unit/**/*.ts', 'test/long/unit/**/*.ts'],
    rules: {
      // node:test's describe and test return promises that the runner awaits.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it', 'suite'], package: 'node:test' },
          ],
        },
      ],
    },
  },
  {
    // The DOM assertions of @open-wc/testing declare every `equal` a promise.
    files: ['test/worker/**/*.ts', 'test/ui/**/*.ts', 'test/long/worker/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
);
