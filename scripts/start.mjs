/** `npm start`: builds the site, serves it, opens it in the default browser with the run started. */

import { main } from './lib/main.mjs';

const DEFAULT_PORT = 8080;

const HELP = `npm start -- [options]

Builds the page, serves it on localhost and opens it in the default browser with the run started.

  --port N    first port to try (default ${DEFAULT_PORT}); a taken one moves on to the next
  --no-open   only print the address
  --help      this text`;

await main(async (args) => {
  const { parseOptions, parseWholeNumber } = await import('./lib/options.mjs');
  const options = parseOptions('start', args, {
    port: { type: 'string' },
    'no-open': { type: 'boolean' },
    help: { type: 'boolean' },
  });
  if (options.help) {
    console.log(HELP);
    return;
  }
  const port = parseWholeNumber('port', options.port, 1, 65_535) ?? DEFAULT_PORT;
  const { ensureSiteFiles } = await import('./lib/site.mjs');
  const { serveSite } = await import('./lib/serve.mjs');
  const { openInBrowser, reasonNotToOpen } = await import('./lib/open-browser.mjs');

  // A page that is open when the site is built again still finds what its own build is made of.
  const files = await ensureSiteFiles();
  const { url } = await serveSite({
    files,
    port,
    onTaken: (taken) => console.log(`Port ${taken} is taken, trying the next one.`),
  });
  console.log(`sgan-trainer is at ${url} (Ctrl-C ends it)`);
  const { env, platform, stdout } = process;
  if (options['no-open'] || reasonNotToOpen({ env, platform, isTerminal: stdout.isTTY }) !== undefined)
    return;
  // Not awaited: some openers stay until their browser ends.
  void openInBrowser(`${url}?autostart`).then((problem) => {
    if (problem !== undefined)
      console.log(`Note: no browser could be opened (${problem}); open ${url} by hand.`);
  });
});
