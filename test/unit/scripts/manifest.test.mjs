/** The manifest says all that there is of the element, and the guide all that stands in the manifest. */

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { before, test } from 'node:test';
import { references, replaceGenerated } from '../../../scripts/lib/generated-docs.mjs';
import { declarationOf, makeManifest } from '../../../scripts/lib/manifest.mjs';

/** Each element, where its class, what a host sees of it and its events stand, and the sources of what it shows. */
const ELEMENTS = [
  {
    tagName: 'sgan-trainer',
    source: 'src/ui/sgan-trainer.ts',
    declared: 'src/ui/trainer-element.ts',
    events: 'src/ui/element/events.ts',
    isOwn: (name) => !name.startsWith('benchmark'),
  },
  {
    tagName: 'sgan-benchmark',
    source: 'src/ui/benchmark/sgan-benchmark.ts',
    declared: 'src/ui/benchmark/benchmark-element.ts',
    events: 'src/ui/benchmark/benchmark-element.ts',
    // The form controls and the colours are those of both.
    isOwn: (name) => name.startsWith('benchmark') || /^styles.(controls|theme)\.ts$/.test(name),
  },
];

let manifest;
before(async () => {
  manifest = await makeManifest();
});

const namesOf = (items) => items.map(({ name }) => name).sort();

/** What a pattern's first group finds in an element's own sources, each once, sorted. */
async function foundIn({ isOwn }, pattern) {
  const names = (await readdir('src/ui', { recursive: true })).filter(
    (name) => name.endsWith('.ts') && isOwn(name),
  );
  const texts = await Promise.all(names.map((name) => readFile(path.join('src/ui', name), 'utf8')));
  const found = texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name));
  return [...new Set(found)].sort();
}

for (const element of ELEMENTS) {
  const { tagName } = element;
  const declaration = () => declarationOf(manifest, tagName);

  test(`no attribute of the class of ${tagName} is missing, and each is of a field`, async () => {
    const text = await readFile(element.source, 'utf8');
    const decorated = [...text.matchAll(/@property\((\{[^}]*\})\)\s+(?:get )?(\w+)/g)];
    assert.ok(decorated.length > 5);
    const attributes = decorated
      .filter(([, options]) => !options.includes('attribute: false'))
      .map(([, options, field]) => /attribute: '([^']+)'/.exec(options)?.[1] ?? field);
    assert.deepEqual(namesOf(declaration().attributes), attributes.sort());
  });

  test(`no property or method of ${tagName} that a host sees is missing`, async () => {
    const text = await readFile(element.declared, 'utf8');
    const [, body] = /interface Sgan\w+Element extends HTMLElement \{\n([^]*?)\n\}/.exec(text);
    const declared = [...body.matchAll(/^ {2}(?:readonly |get )?(\w+)[?]?[(:]/gm)].map(([, name]) => name);
    // Lit's own.
    const own = declared.filter((name) => name !== 'updateComplete');
    assert.deepEqual(namesOf(declaration().members), [...new Set(own)].sort());
  });

  test(`no event of ${tagName} is missing, nor one told that is none`, async () => {
    const text = await readFile(element.events, 'utf8');
    const events = [...text.matchAll(/'(sgan-[\w-]+)': CustomEvent/g)].map(([, name]) => name);
    assert.deepEqual(namesOf(declaration().events), events.sort());
  });

  test(`no part or custom property of ${tagName} is missing, nor one told that is none`, async () => {
    const { cssParts, cssProperties } = declaration();
    const parts = await foundIn(element, /\bpart="([^"]+)"/g);
    assert.deepEqual(namesOf(cssParts), [...new Set(parts.flatMap((names) => names.split(' ')))].sort());
    const properties = await foundIn(element, /var\((--sgan-[\w-]+)/g);
    assert.deepEqual(namesOf(cssProperties), properties);
  });

  test(`everything in the manifest of ${tagName} is described`, () => {
    const { attributes, members, events, slots = [], cssParts, cssProperties } = declaration();
    const items = [...attributes, ...members, ...events, ...slots, ...cssParts, ...cssProperties];
    assert.ok(items.length > 30);
    assert.deepEqual(
      items.filter(({ description = '' }) => description.trim() === ''),
      [],
    );
  });
}

test('no slot is missing, nor one told that is none', async () => {
  const sections = await readFile('src/ui/element/sections.ts', 'utf8');
  const [, list] = /SECTIONS = \[([^\]]*)\]/.exec(sections);
  const told = namesOf(declarationOf(manifest, 'sgan-trainer').slots);
  assert.deepEqual(told, [...list.matchAll(/'([\w-]+)'/g)].map(([, name]) => name).sort());
});

test('the manifest names the modules that a host imports', async () => {
  const { exports } = JSON.parse(await readFile('package.json', 'utf8'));
  const definitions = manifest.modules.flatMap(({ path: file, exports: names }) =>
    names.filter(({ kind }) => kind === 'custom-element-definition').map(({ name }) => [name, `./${file}`]),
  );
  assert.deepEqual(definitions, [
    ['sgan-trainer', exports['.'].default],
    ['sgan-benchmark', exports['./benchmark'].default],
  ]);
});

test('the reference in the guide is the one that the manifest gives', async () => {
  const text = await readFile('docs/embedding.md', 'utf8');
  const hint = 'docs/embedding.md is not what the comments say; "npm run docs" writes it anew.';
  assert.equal(replaceGenerated(text, references(manifest)), text, hint);
});

test('a text whose markers are not there once each is refused', () => {
  for (const text of [
    '',
    '<!-- generated by npm run docs -->',
    '<!-- end --><!-- generated by npm run docs -->',
  ]) {
    assert.throws(() => replaceGenerated(text, 'new'), /once each/);
  }
  const marked = 'a\n<!-- generated by npm run docs -->\nold\n<!-- end -->\nb';
  assert.equal(replaceGenerated(marked, 'new'), marked.replace('old', 'new'));
});
