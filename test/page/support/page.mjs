/** The built page in a real browser, on small data: opening it, doing what a person does, looking. */

import assert from 'node:assert/strict';
import { launchBrowser } from '../../../scripts/lib/browser.mjs';
import { HEADERS, serveSite } from '../../../scripts/lib/serve.mjs';
import { serveData, smallData } from './small-data.mjs';

/** A run small enough for a test: seconds on tfjs' wasm backend. */
export const SMALL = {
  recipe: 'notebook',
  engine: 'tfjs-wasm',
  batch: 10,
  labels: 100,
  evalEvery: 5,
  steps: 2000,
};

/** The same without the script of TensorFlow.js. */
export const SMALL_WASM = { ...SMALL, engine: 'wasm', threads: 2 };

/** No wait in a page takes longer. */
const LIMIT_MS = 120_000;

const WORKER_EVENTS = ['workercreated', 'workerdestroyed'];

export const PRIMARY = '[part="primary-button"]';
export const STEP = '[part="step-button"]';
export const RESET = '[part="reset-button"]';

/** Serves the built site on small data, with a browser; both end with the test. `files` may be changed. */
export async function openSite(context, { args = [] } = {}) {
  const files = new Map(Object.entries(await smallData()));
  const headers = { 'Cross-Origin-Resource-Policy': HEADERS['Cross-Origin-Resource-Policy'] };
  const site = await serveSite({ intercept: serveData(files, headers) });
  context.after(() => site.close());
  const browser = await launchBrowser({ purpose: 'test', args });
  context.after(() => browser.close());
  return { files, url: site.url, browser };
}

/**
 * A new page of the site, with these settings in its address. `violations` fills with what its content
 * policy refused and what it threw.
 */
export async function openPage({ browser, url }, settings = SMALL, path = '') {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  const violations = [];
  page.on('pageerror', (error) => violations.push(error.message));
  page.on('console', (message) => {
    if (/content security policy|refused to/i.test(message.text())) violations.push(message.text());
  });
  // Leaving a run asks first; nobody is there to answer.
  page.on('dialog', (dialog) => void dialog.accept().catch(() => undefined));
  await page.goto(`${url}${path}?${new URLSearchParams(settings)}`);
  await page.waitForSelector('sgan-trainer:defined');
  return { page, violations };
}

/** Clicks what stands under a selector in the element. */
export async function click(page, selector) {
  const target = await page.waitForSelector(`sgan-trainer >>> ${selector}`);
  await target.click();
}

/** The text under a selector in the element, white space as one reads it. */
export function textOf(page, selector) {
  return page.evaluate((wanted) => {
    const text = document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted)?.textContent ?? '';
    return text.replaceAll(/\s+/g, ' ').trim();
  }, selector);
}

export function stateOf(page) {
  return page.$eval('sgan-trainer', (trainer) => trainer.state);
}

/** Waits until the page has so many workers; fails where it never does. */
export async function untilWorkers(page, count) {
  await new Promise((resolve, reject) => {
    const look = () => page.workers().length === count && resolve();
    for (const event of WORKER_EVENTS) page.on(event, look);
    setTimeout(
      () =>
        reject(
          new Error(`The page has ${page.workers().length} workers after ${LIMIT_MS} ms, not ${count}.`),
        ),
      LIMIT_MS,
    ).unref();
    look();
  });
}

/** Waits for a state; fails with the trainer's own error where it gets another way. */
export async function untilState(page, state) {
  await page.waitForFunction(
    (wanted) => {
      const trainer = document.querySelector('sgan-trainer');
      return trainer.state === wanted || (trainer.state === 'failed' && wanted !== 'failed');
    },
    { polling: 100, timeout: LIMIT_MS },
    state,
  );
  const [actual, error] = await page.$eval('sgan-trainer', (trainer) => [
    trainer.state,
    trainer.error?.message,
  ]);
  assert.equal(actual, state, error);
}

/** Waits until something in the element is there. Asks again and again: nothing outside it changes then. */
export function untilThere(page, selector) {
  return page.waitForFunction(
    (wanted) => document.querySelector('sgan-trainer')?.shadowRoot?.querySelector(wanted) ?? null,
    { polling: 100, timeout: LIMIT_MS },
    selector,
  );
}

/** Waits until the text under a selector matches, and returns it. */
export async function untilText(page, selector, pattern) {
  await page.waitForFunction(
    (wanted, source) => {
      const text = document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted)?.textContent ?? '';
      return new RegExp(source).test(text.replaceAll(/\s+/g, ' ').trim());
    },
    { polling: 100, timeout: LIMIT_MS },
    selector,
    pattern.source,
  );
  return textOf(page, selector);
}

/** Steps done, as the bar has them. */
export async function stepOf(page) {
  return Number((await textOf(page, '.position dd')).split(' ')[0].replaceAll(',', ''));
}

/** Waits until the bar says at least so many steps. */
export function untilStep(page, step) {
  return page.waitForFunction(
    (wanted) => {
      const text = document
        .querySelector('sgan-trainer')
        .shadowRoot.querySelector('.position dd').textContent;
      return Number(text.split(' ')[0].replaceAll(',', '')) >= wanted;
    },
    { polling: 100, timeout: LIMIT_MS },
    step,
  );
}

/** A canvas as a data URL, to see whether it changes; its pixels are the page's own. */
export function pictureOf(page, selector) {
  return page.evaluate(
    (wanted) => document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted).toDataURL(),
    selector,
  );
}

/** Waits until a canvas shows another picture. */
export function untilPictureChanges(page, selector, before) {
  return page.waitForFunction(
    (wanted, old) =>
      document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted).toDataURL() !== old,
    { polling: 200, timeout: LIMIT_MS },
    selector,
    before,
  );
}
