/** The shape of the source: no import cycles, and lint that does hold the arrows between the layers. */

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { ESLint } from 'eslint';

/** Relative imports of a file, those of types included, as paths. */
async function importsOf(file) {
  const text = await readFile(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, specifier]) => specifier);
  return specifiers.map((specifier) => path.join(path.dirname(file), specifier).replace(/\.js$/, '.ts'));
}

/** The first cycle met from `file`, as the files along it; undefined where there is none. */
function findCycle(graph, file, trail = [], finished = new Set()) {
  if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
  if (finished.has(file)) return undefined;
  for (const imported of graph.get(file) ?? []) {
    const cycle = findCycle(graph, imported, [...trail, file], finished);
    if (cycle !== undefined) return cycle;
  }
  finished.add(file);
  return undefined;
}

test('a cycle is found where there is one', () => {
  const graph = new Map([['a', ['b']], ['b', ['c']], ['c', ['b']]]);
  assert.deepEqual(findCycle(graph, 'a'), ['b', 'c', 'b']);
  assert.equal(findCycle(new Map([['a', ['b', 'c']], ['b', ['c']]]), 'a'), undefined);
});

test('no module of src imports itself by way of others', async () => {
  const names = await readdir('src', { recursive: true });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => path.join('src', name));
  const graph = new Map(await Promise.all(files.map(async (file) => [file, await importsOf(file)])));
  for (const file of files) assert.equal(findCycle(graph, file)?.join(' -> '), undefined);
});

test('lint refuses an import against the arrows, by name and by type', async () => {
  const eslint = new ESLint();
  const forbidden = {
    'src/protocol.ts': ["import { philox } from './worker/random.js';", /protocol\.ts imports nothing/],
    'src/ui/errors.ts': ["import type { Trainer } from '../worker/trainer.js';", /knows the worker only by protocol/],
    'src/ui/format.ts': ["import * as tf from '@tensorflow/tfjs-core';", /no tfjs/],
    'src/worker/split.ts': ["import { html } from 'lit';", /knows nothing of the page/],
    'src/worker/draws.ts': ["import * as tf from '@tensorflow/tfjs-core';", /tfjs belongs to/],
    'src/worker/engine/engine.ts': ["import type { Run } from '../run.js';", /knows nothing of runs/],
    'src/worker/images.ts': ['export const title = document.title;', /There is none in a worker/],
    'src/ui/strings.ts': ['export default 1;', /no default exports/],
  };
  for (const [filePath, [code, expected]] of Object.entries(forbidden)) {
    const [{ messages }] = await eslint.lintText(`${code}\n`, { filePath });
    assert.ok(messages.some(({ message }) => expected.test(message)), `${filePath}: ${code}`);
  }
});
