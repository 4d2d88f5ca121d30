/** A benchmark as one HTML file: the page's element with the figures inside, to send to somebody. */

import { readFile } from 'node:fs/promises';
import esbuild from 'esbuild';
import { bundles } from '../../esbuild.config.mjs';
import { inRoot } from './paths.mjs';

/** Where the script finds the figures. */
const DATA_ID = 'report';

const SCRIPT = `
import './src/ui/define-benchmark.ts';
const benchmark = document.querySelector('sgan-benchmark');
await benchmark.open(document.getElementById('${DATA_ID}').textContent);
`;

/** Text as the content of a script element: nothing in it may end that. */
const inScript = (text) => text.replaceAll(/<(?=[/!]|script)/gi, '\\x3c');
const inJsonScript = (value) => JSON.stringify(value).replaceAll('<', '\\u003c');
const inHtml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

async function bundleElement() {
  const { outputFiles } = await esbuild.build({
    ...bundles.ui,
    entryPoints: undefined,
    stdin: { contents: SCRIPT, resolveDir: inRoot(), loader: 'ts' },
    splitting: false,
    metafile: false,
    sourcemap: false,
    legalComments: 'inline',
    write: false,
  });
  return outputFiles[0].text;
}

/** The file's text. It fetches nothing and needs no server. */
export async function makeResultPage(report) {
  const styles = await readFile(inRoot('static', 'page.css'), 'utf8');
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${inHtml(report.name)} – sgan-trainer benchmark</title>
    <link rel="icon" href="data:," />
    <style>
${styles}
header p {
  flex-basis: 100%;
}
    </style>
  </head>
  <body>
    <header>
      <h1>Benchmark</h1>
      <p>How fast each engine of sgan-trainer trains, and whether it computes the same.</p>
    </header>
    <main>
      <sgan-benchmark viewer></sgan-benchmark>
    </main>
    <script type="application/json" id="${DATA_ID}">${inJsonScript(report)}</script>
    <script type="module">${inScript(await bundleElement())}</script>
  </body>
</html>
`;
}
