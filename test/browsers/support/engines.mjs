/** The browsers beside Chromium, and how a test that lacks one says so. */

import { firefox } from './firefox.mjs';
import { webkit } from './webkit.mjs';

export const ENGINES = [firefox, webkit];

/** Why an engine's tests are skipped, with what to install; false where they run. */
export function reasonToSkip({ name, install, missing }) {
  const lacking = missing();
  if (lacking.length === 0) return false;
  return `${name} is not tried: this machine lacks ${lacking.join(', ')}. On Debian: ${install}`;
}

/** Launches an engine's browser, which ends with the test. */
export async function openBrowser(engine, context) {
  const browser = await engine.launch();
  context.after(() => browser.close());
  return browser;
}
