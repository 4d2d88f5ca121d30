/** Lint rules. Who may import whom is held by .dependency-cruiser.mjs. */

import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const BROWSER_PAGE_GLOBALS = ['document', 'window', 'localStorage', 'sessionStorage', 'alert'].map(
  (name) => ({
    name,
    message: 'There is none in a worker.',
  }),
);

const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration',
  message: 'Name what you export: no default exports.',
};

export default defineConfig(
  {
    ignores: [
      'dist/',
      'types/',
      '.cache/',
      'runs/',
      'node_modules/',
      '**/build/',
      'src/worker/engine/wasm/kernels/',
    ],
  },
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
      // How a declaration that belongs to no module comes along with the file that needs it.
      '@typescript-eslint/triple-slash-reference': ['error', { path: 'always' }],
      // A promise that a method returns is what an interface asks for, also where nothing is awaited.
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['src/worker/**'], rules: { 'no-restricted-globals': ['error', ...BROWSER_PAGE_GLOBALS] } },
  // Page tests and some commands hand functions to a browser's page.
  { files: ['**/*.mjs'], languageOptions: { globals: { ...globals.browser, ...globals.nodeBuiltin } } },
  { files: ['static/**/*.js'], languageOptions: { globals: globals.browser } },
  {
    // Their loaders ask for a default export; the bundler makes one of a style sheet.
    files: [
      '*.config.mjs',
      '.dependency-cruiser.mjs',
      'scripts/lib/node-test-report.mjs',
      'src/ui/css-text.d.ts',
      'examples/**/*.js',
    ],
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
