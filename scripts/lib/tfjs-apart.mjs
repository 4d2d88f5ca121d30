/**
 * Keeps TensorFlow.js out of the worker's script: for the bundler, what the worker imports of the engine
 * `tfjs` when it needs it comes from the file `tfjs.js`, found when it is asked for.
 */

import path from 'node:path';
import { inRoot } from './paths.mjs';

const FOLDER = inRoot('src', 'worker', 'engine', 'tfjs');
const NAMESPACE = 'tfjs-apart';

/** The functions that the worker takes from there. */
const FUNCTIONS = ['createTfjsEngine', 'exportLayersModels'];

export const tfjsApart = {
  name: NAMESPACE,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/tfjs\// }, ({ kind, path: imported, resolveDir }) => {
      const isInside = path.resolve(resolveDir, imported).startsWith(FOLDER + path.sep);
      return kind === 'dynamic-import' && isInside ? { path: 'tfjs', namespace: NAMESPACE } : undefined;
    });
    onLoad({ filter: /.*/, namespace: NAMESPACE }, () => ({
      resolveDir: path.dirname(FOLDER),
      contents: [
        `import { importTfjsFile } from './import-tfjs-file.js';`,
        ...FUNCTIONS.map(
          (name) => `export const ${name} = async (...given) => (await importTfjsFile()).${name}(...given);`,
        ),
      ].join('\n'),
    }));
  },
};
