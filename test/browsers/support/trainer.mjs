/** The trainer's page in a browser of `engines.mjs`, as a person uses it. Every wait is bounded. */

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** A run small enough for a test, on the engine that every browser has. */
export const SMALL = {
  recipe: 'notebook',
  engine: 'wasm',
  batch: 10,
  labels: 100,
  evalEvery: 5,
  steps: 2000,
};

const POLL_MS = 200;
const MOST_POLLS = 600;

/** Opens the page with these settings in its address. */
export async function openTrainer(browser, url, settings = SMALL) {
  await browser.goTo(`${url}?${new URLSearchParams(settings)}`);
  await until(browser, 'the element', () => customElements.get('sgan-trainer') !== undefined);
}

/** Waits until `look` gives something true in the page, and returns it. */
export async function until(browser, what, look, ...args) {
  for (let polls = 0; polls < MOST_POLLS; polls++) {
    const found = await browser.execute(look, ...args);
    if (found) return found;
    await delay(POLL_MS);
  }
  const error = await browser.execute(() => document.querySelector('sgan-trainer')?.error?.message ?? null);
  return assert.fail(`${what} has not come after ${MOST_POLLS} looks; the trainer's error is ${error}.`);
}

/** Clicks what stands under a selector in the element. */
export function clickIn(browser, selector) {
  return browser.click(
    (wanted) => document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted),
    selector,
  );
}

export function clickPart(browser, part) {
  return clickIn(browser, `[part="${part}"]`);
}

export async function untilState(browser, state) {
  const found = await until(
    browser,
    `the state ${state}`,
    (wanted) => {
      const trainer = document.querySelector('sgan-trainer');
      return [wanted, 'failed'].includes(trainer.state) && [trainer.state, trainer.error?.message ?? ''];
    },
    state,
  );
  assert.equal(found[0], state, found[1]);
}

/** Steps done, as the bar has them. */
export function stepOf(browser) {
  return browser.execute(() => {
    const text = document.querySelector('sgan-trainer').shadowRoot.querySelector('.position dd').textContent;
    return Number(text.trim().split(' ')[0].replaceAll(',', ''));
  });
}

export function untilStep(browser, step) {
  return until(
    browser,
    `step ${step}`,
    (wanted) => {
      const text = document
        .querySelector('sgan-trainer')
        .shadowRoot.querySelector('.position dd').textContent;
      return Number(text.trim().split(' ')[0].replaceAll(',', '')) >= wanted;
    },
    step,
  );
}

/** The text under a selector in the element, white space as one reads it. */
export function textOf(browser, selector) {
  return browser.execute((wanted) => {
    const text = document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted)?.textContent ?? '';
    return text.replaceAll(/\s+/g, ' ').trim();
  }, selector);
}

/** Waits until the text under a selector holds these words. */
export function untilText(browser, selector, words) {
  return until(
    browser,
    `"${words}" in ${selector}`,
    (wanted, part) => {
      const text = document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted)?.textContent ?? '';
      return text.replaceAll(/\s+/g, ' ').includes(part);
    },
    selector,
    words,
  );
}

/** A canvas of the element, to see whether it changes. */
export function pictureOf(browser, selector) {
  return browser.execute(
    (wanted) => document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted).toDataURL(),
    selector,
  );
}

export function untilPictureChanges(browser, selector, before) {
  return until(
    browser,
    `another picture in ${selector}`,
    (wanted, old) =>
      document.querySelector('sgan-trainer').shadowRoot.querySelector(wanted).toDataURL() !== old,
    selector,
    before,
  );
}

/** What the page and the browser have complained of, and what the server did not have. */
export async function complaintsOf(browser, { missing }) {
  return [...(await browser.execute(() => window.complaints)), ...browser.complaints(), ...missing];
}
