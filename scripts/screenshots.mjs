/**
 * `npm run screenshots`: pictures of the built page. Without options docs/screenshot.png, a run going
 * on in the light theme; `-- --help` says how to take the other states, themes and widths.
 */

import { UsageError, main } from './lib/main.mjs';

const SCHEMES = ['light', 'dark', 'forced'];

const OPTIONS = {
  state: { type: 'string', default: 'running' },
  scheme: { type: 'string', default: 'light' },
  width: { type: 'string', default: '1440' },
  height: { type: 'string', default: '900' },
  out: { type: 'string' },
  folder: { type: 'string' },
  recipe: { type: 'string', default: 'few-labels' },
  engine: { type: 'string', default: 'wasm' },
  steps: { type: 'string', default: '600' },
  checkpoint: { type: 'string' },
  help: { type: 'boolean' },
};

function helpText(states) {
  return `npm run screenshots -- [options]

Takes pictures of the built page; without options docs/screenshot.png. The README has the state "loaded".

  --state LIST    ${states.join(', ')} or all (default running)
  --scheme LIST   ${SCHEMES.join(', ')} (colours forced by the system) or all (default light)
  --width LIST    widths of the window in pixels (default 1440)
  --height N      height of the window; the picture is as high as the page (default 900)
  --out FILE      where a single picture goes (default docs/screenshot.png)
  --folder NAME   where several go, as STATE-SCHEME-WIDTH.png (default docs/screenshots)
  --recipe NAME   the recipe that is trained (default few-labels)
  --engine NAME   what trains (default wasm)
  --steps N       steps of the run that is shown (default 600)
  --checkpoint FILE  the run of the state "loaded", as npm run train leaves it
  --help          this text

Lists are separated by commas.`;
}

/** `session` has to stay: what it emulates ends with it. */
async function setScheme(session, scheme) {
  await session.send('Emulation.setEmulatedMedia', {
    features: [
      { name: 'prefers-color-scheme', value: scheme === 'dark' ? 'dark' : 'light' },
      { name: 'forced-colors', value: scheme === 'forced' ? 'active' : 'none' },
    ],
  });
}

/** Lets layout and drawing settle: two frames, the second of which shows what the first one asked for. */
async function settle(page) {
  await page.evaluate(
    () =>
      new Promise((resolve) => {
        window.requestAnimationFrame(() => window.requestAnimationFrame(resolve));
      }),
  );
}

await main(async (args) => {
  const { checkNames, parseList, parseOptions, parseWholeNumber } = await import('./lib/options.mjs');
  const { STATES, makeDataSwitch, walkStates } = await import('./lib/page-states.mjs');
  const options = parseOptions('screenshots', args, OPTIONS);
  if (options.help) {
    console.log(helpText(STATES));
    return;
  }
  await checkNames(options);
  // Of all states, those that need nothing.
  const isLoadable = options.checkpoint !== undefined || options.state !== 'all';
  const states = parseList('state', options.state, STATES).filter(
    (state) => isLoadable || state !== 'loaded',
  );
  if (states.includes('loaded') && options.checkpoint === undefined) {
    throw new UsageError('The state "loaded" needs --checkpoint FILE.');
  }
  const schemes = parseList('scheme', options.scheme, SCHEMES);
  const widths = options.width.split(',').map((width) => parseWholeNumber('width', width, 200, 8000));
  const height = parseWholeNumber('height', options.height, 200, 8000);
  const steps = parseWholeNumber('steps', options.steps, 2, 1_000_000);
  const isSingle = states.length * schemes.length * widths.length === 1;

  const stray = isSingle ? 'folder' : 'out';
  if (options[stray] !== undefined) {
    throw new UsageError(
      isSingle
        ? '--folder is where several pictures go; where this one goes is --out.'
        : '--out is where a single picture goes; where these go is --folder.',
    );
  }

  const path = await import('node:path');
  const { resolveGiven } = await import('./lib/invocation.mjs');
  const { prepareOutput } = await import('./lib/output-file.mjs');
  const { inRoot } = await import('./lib/paths.mjs');
  const { readWhole } = await import('./lib/run-folder.mjs');
  const checkpoint =
    options.checkpoint === undefined
      ? null
      : await readWhole(resolveGiven(options.checkpoint)).catch((error) => {
          throw new UsageError(`--checkpoint ${options.checkpoint}: ${error.message}`, { cause: error });
        });
  const out = resolveGiven(options.out) ?? inRoot('docs', 'screenshot.png');
  const folder = resolveGiven(options.folder) ?? inRoot('docs', 'screenshots');
  const fileOf = (state, scheme, width) =>
    isSingle ? out : path.join(folder, `${state}-${scheme}-${width}.png`);
  await prepareOutput(isSingle ? 'out' : 'folder', fileOf(states[0], schemes[0], widths[0]));
  const { withPage } = await import('./lib/page.mjs');
  const data = makeDataSwitch(checkpoint);
  await withPage({ purpose: 'test', intercept: data.intercept }, async ({ page, url }) => {
    const session = await page.createCDPSession();
    const takeAll = async (state) => {
      for (const scheme of schemes) {
        for (const width of widths) {
          const file = fileOf(state, scheme, width);
          await setScheme(session, scheme);
          await page.setViewport({ width, height });
          await settle(page);
          await page.screenshot({ path: file, fullPage: true });
          console.log(file);
        }
      }
    };
    await page.setViewport({ width: widths[0], height });
    await setScheme(session, schemes[0]);
    await walkStates(
      { page, url, data, recipe: options.recipe, engine: options.engine, steps },
      states,
      takeAll,
    );
  });
});
