/** The built page in a headless browser, for scripts that look at it as a person would. */

import { launchBrowser } from './browser.mjs';
import { serveSite } from './serve.mjs';
import { buildSite } from './site.mjs';

/**
 * Builds and serves the site, launches a browser (`purpose` as in browser.mjs) and calls
 * `work({ page, browser, url })`; ends both whatever happens.
 */
export async function withPage({ purpose }, work) {
  await buildSite();
  const server = await serveSite();
  try {
    const browser = await launchBrowser({ purpose });
    try {
      const [page] = await browser.pages();
      return await work({ page, browser, url: server.url });
    } finally {
      await browser.close();
    }
  } finally {
    await server.close();
  }
}
