/**
 * `npm run docs`: writes the generated parts of README.md and docs/embedding.md anew, the page's measured references, and
 * the protocols' draws as a table and a chart.
 */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { main } from './lib/main.mjs';

const HELP = `npm run docs

Writes README.md, docs/embedding.md, the page's measured references and docs/protocol/draws.* anew. Takes no options.`;

await main(async (args) => {
  const { parseOptions } = await import('./lib/options.mjs');
  if (parseOptions('docs', args, { help: { type: 'boolean' } }).help) {
    console.log(HELP);
    return;
  }
  const { inRoot } = await import('./lib/paths.mjs');
  const { makeManifest } = await import('./lib/manifest.mjs');
  const {
    measureSizes,
    references: elementReferences,
    replaceGenerated,
    sizeTable,
  } = await import('./lib/generated-docs.mjs');
  const { buildSite } = await import('./lib/site.mjs');
  const { summaryFiles } = await import('./lib/protocol-summary.mjs');
  const { readFingerprint } = await import('./lib/run-data.mjs');
  const { PROTOCOLS, readProtocols, REFERENCES, referencesModule, referencesOf } =
    await import('./lib/measured-references.mjs');
  // First: they are part of the site, whose sizes are measured.
  const protocols = await readProtocols(PROTOCOLS);
  const references = referencesOf(protocols, await readFingerprint({}), (name, why) =>
    console.log(`docs/protocol/${name} is no reference: ${why}.`),
  );
  await writeFile(REFERENCES, await referencesModule(references));
  for (const [name, text] of Object.entries(summaryFiles(protocols)))
    await writeFile(path.join(PROTOCOLS, name), text);
  await buildSite();
  const parts = {
    'README.md': sizeTable(await measureSizes()),
    'docs/embedding.md': elementReferences(await makeManifest()),
  };
  for (const [name, content] of Object.entries(parts)) {
    const file = inRoot(name);
    await writeFile(file, replaceGenerated(await readFile(file, 'utf8'), content));
  }
});
