import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staticImportsOf } from '../../../src/ui/script-arrival.js';

test('what a script imports before it runs is told from what it imports later', () => {
  const url = 'https://example.test/dist/worker/worker.js';
  const at = (name: string): string => new URL(name, url).href;
  const minified =
    'import{a as b,c as d}from"./chunk-A.js";import"./chunk-B.js";var e=()=>import("./late.js");' +
    'import*as f from"../chunk-C.js";import g,{h}from"./chunk-D.js";export{i}from"./chunk-E.js";export{e as j};';
  assert.deepEqual(
    staticImportsOf(minified, url),
    ['chunk-A.js', 'chunk-B.js', '../chunk-C.js', 'chunk-D.js', 'chunk-E.js'].map((name) => at(`./${name}`)),
  );
  const written = `import { a } from './a.js';
import type from "/b.js";
const text = 'it imports nothing';
const later = await import('./late.js');
`;
  assert.deepEqual(staticImportsOf(written, url), [at('./a.js'), at('/b.js')]);
});
