/** `npm run docs`: writes the generated parts of README.md and docs/embedding.md anew. */

import { readFile, writeFile } from 'node:fs/promises';
import { main } from './lib/main.mjs';

await main(async () => {
  const { inRoot } = await import('./lib/paths.mjs');
  const { makeManifest } = await import('./lib/manifest.mjs');
  const { measureSizes, references, replaceGenerated, sizeTable } = await import('./lib/generated-docs.mjs');
  const { buildSite } = await import('./lib/site.mjs');
  await buildSite();
  const parts = {
    'README.md': sizeTable(await measureSizes()),
    'docs/embedding.md': references(await makeManifest()),
  };
  for (const [name, content] of Object.entries(parts)) {
    const file = inRoot(name);
    await writeFile(file, replaceGenerated(await readFile(file, 'utf8'), content));
  }
});
