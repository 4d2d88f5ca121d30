/** The shape of the source: no import cycles. Lint holds the arrows between the layers. */

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

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
