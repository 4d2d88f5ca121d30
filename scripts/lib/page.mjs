/** The built page in a headless browser, for scripts that look at it as a person would. */

import { launchBrowser } from './browser.mjs';
import { UsageError } from './main.mjs';
import { serveSite } from './serve.mjs';
import { ensureSite } from './site.mjs';

const POLL_MS = 200;

/**
 * Serves the site, built where it has changed, launches a browser and calls `work({ page, browser, url })`; ends both
 * whatever happens. `purpose` is as in browser.mjs, `intercept` as in serve.mjs.
 */
export async function withPage({ purpose, intercept }, work) {
  await ensureSite();
  const server = await serveSite({ intercept });
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

/** Opens the page with these settings in its address, and follows its trainer in `window.followed`. */
export async function openPage(page, url, settings = {}) {
  await page.goto(`${url}?${new URLSearchParams(settings)}`);
  await page.waitForSelector('sgan-trainer:defined');
  await page.evaluate(() => {
    const followed = { step: 0, state: document.querySelector('sgan-trainer').state, error: null };
    document.addEventListener('sgan-report', ({ detail }) => {
      if (detail.type === 'metrics') followed.step = detail.firstStep + detail.steps - 1;
    });
    document.addEventListener('sgan-state', ({ detail }) => (followed.state = detail.state));
    document.addEventListener('sgan-error', ({ detail }) => (followed.error = detail.message));
    window.followed = followed;
  });
}

/** Calls a command of the page's trainer; does not wait for it, since that can take longer than a call. */
export async function command(page, name) {
  await page.evaluate((method) => {
    const trainer = document.querySelector('sgan-trainer');
    trainer[method]().catch(() => {});
  }, name);
}

/** Loads a checkpoint of the site into the page's trainer, and waits until it stands there. */
export async function loadCheckpoint(page, path) {
  const problem = await page.evaluate(async (from) => {
    const bytes = await (await fetch(from)).arrayBuffer();
    return document
      .querySelector('sgan-trainer')
      .load(bytes)
      .then(
        () => null,
        ({ message }) => message,
      );
  }, path);
  if (problem !== null) throw new UsageError(`The page does not take the checkpoint: ${problem}`);
}

/** Waits until the trainer has made `step` updates; throws what it reports as an error. */
export async function waitForStep(page, step) {
  await waitUntil(page, (wanted) => window.followed.step >= wanted || window.followed.error !== null, step);
}

/**
 * Waits until the trainer is in `state`; throws what it reports as an error, unless `failed` is waited for, and where the
 * run has finished instead.
 */
export async function waitForState(page, state) {
  await waitUntil(
    page,
    (wanted) =>
      [wanted, 'finished'].includes(window.followed.state) ||
      (wanted !== 'failed' && window.followed.error !== null),
    state,
  );
  const { state: found } = await page.evaluate(() => window.followed);
  if (found === state) return;
  throw new UsageError(
    `The run is ${found}, where it was to be ${state}: it was over too soon. Give it more --steps.`,
  );
}

async function waitUntil(page, condition, argument) {
  await page.waitForFunction(condition, { polling: POLL_MS, timeout: 0 }, argument);
  const { state, error } = await page.evaluate(() => window.followed);
  if (error !== null && argument !== 'failed') throw new UsageError(`The page is ${state}: ${error}`);
}
