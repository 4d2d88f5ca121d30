/** The whole page for everyone: axe in every scheme, a run by keyboard alone, narrow screens, calm. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { inRoot } from '../../scripts/lib/paths.mjs';
import {
  click,
  openPage,
  openSite,
  pictureOf,
  PRIMARY,
  SMALL,
  STEP,
  textOf,
  untilPictureChanges,
  untilState,
  untilText,
  untilThere,
} from './support/page.mjs';
import { NO_ANSWER } from './support/small-data.mjs';

const SCHEMES = {
  light: [{ name: 'prefers-color-scheme', value: 'light' }],
  dark: [{ name: 'prefers-color-scheme', value: 'dark' }],
  'forced colours': [{ name: 'forced-colors', value: 'active' }],
};

/** Media features that puppeteer's own call does not know; they last as long as the session. */
async function emulate(page, features) {
  const session = await page.createCDPSession();
  await session.send('Emulation.setEmulatedMedia', { features });
}

async function violationsOf(page) {
  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} ${target.join(' ')}: ${failureSummary}`),
    );
  });
}

for (const [scheme, features] of Object.entries(SCHEMES)) {
  test(`axe finds nothing on the page in ${scheme}, idle, paused and failed`, async (context) => {
    const site = await openSite(context);
    const { page } = await openPage(site);
    await emulate(page, features);
    await page.evaluate(await readFile(inRoot('node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
    assert.deepEqual(await violationsOf(page), [], 'idle');
    await click(page, STEP);
    await untilState(page, 'paused');
    assert.deepEqual(await violationsOf(page), [], 'paused');
    await page.workers()[0].evaluate(() => globalThis.close());
    await untilState(page, 'failed');
    assert.deepEqual(await violationsOf(page), [], 'failed');
    await page.$eval('h1', (heading) => heading.remove());
    assert.notDeepEqual(await violationsOf(page), [], 'a planted defect is found');
  });
}

/** What has the focus, through shadow roots: its part, id, or name. */
function focused(page) {
  return page.evaluate(() => {
    let active = document.activeElement;
    while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
    return active?.getAttribute('part') ?? (active?.id || active?.getAttribute('name') || active?.localName);
  });
}

/** Presses Tab until something has the focus; fails where it never does. */
async function tabTo(page, wanted) {
  for (let presses = 0; presses < 60; presses++) {
    if ((await focused(page)) === wanted) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${wanted} is not reached by Tab; the focus is on ${await focused(page)}.`);
}

test('a run from start to end with the keyboard alone', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { ...SMALL, steps: 40 });
  await tabTo(page, 'theme');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');

  await tabTo(page, 'steps');
  await page.keyboard.down('Control');
  await page.keyboard.press('a');
  await page.keyboard.up('Control');
  await page.keyboard.type('4');
  await page.keyboard.press('Enter');
  assert.equal(await page.$eval('sgan-trainer', ({ steps }) => steps), 4);

  // Back to the top, as a reader's "jump to heading" does it.
  await page.$eval('h1', (heading) => {
    heading.tabIndex = -1;
    heading.focus();
  });
  await tabTo(page, 'step-button');
  await page.keyboard.press('Enter');
  await untilState(page, 'paused');
  await page.keyboard.down('Shift');
  await page.keyboard.press('Tab');
  await page.keyboard.up('Shift');
  assert.equal(await focused(page), 'primary-button');
  await page.keyboard.press('Space');
  await untilState(page, 'finished');

  await tabTo(page, 'save-button');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(
    await page.evaluate(() => document.activeElement.shadowRoot.activeElement.dataset.kind),
    'checkpoint',
  );
  await page.keyboard.press('Escape');
  assert.equal(await focused(page), 'save-button');
});

/** What reaches over the right edge of the window, as a person scrolling sideways would find it. */
function overflowOf(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test('nothing reaches over the edge, from 320 pixels to wide, in any state', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site, { ...SMALL, steps: 2 });
  const look = async (state) => {
    for (const width of [320, 360, 599, 600, 768, 899, 900, 1280, 1920]) {
      await page.setViewport({ width, height: 800 });
      assert.equal(await overflowOf(page), 0, `${state} at ${width} px`);
    }
  };
  await look('idle');
  const setRecipe = (recipe) =>
    page.$eval('sgan-trainer', (trainer, wanted) => (trainer.recipe = wanted), recipe);
  await setRecipe('few-labels');
  await untilThere(page, '.run-stages');
  await look('idle, in stages');
  await setRecipe('notebook');
  await click(page, STEP);
  await untilState(page, 'paused');
  await page.$eval('sgan-trainer', ({ shadowRoot }) => {
    for (const details of shadowRoot.querySelectorAll('details')) details.open = true;
  });
  await untilText(page, 'tbody', /1/);
  await look('paused, with everything open');
  await click(page, PRIMARY);
  await untilState(page, 'finished');
  await look('finished');
  await page.workers()[0].evaluate(() => globalThis.close());
  await untilState(page, 'failed');
  await look('failed');
});

/** Controls of page and element that are to be seen, lower or narrower than 44 pixels. */
function smallTargetsOf(page) {
  return page.evaluate(() => {
    const { shadowRoot } = document.querySelector('sgan-trainer');
    return [document, shadowRoot]
      .flatMap((root) => [...root.querySelectorAll('button, input, select, summary')])
      .filter((control) => control.checkVisibility({ visibilityProperty: true }))
      .map((control) => {
        const { width, height } = (control.closest('label') ?? control).getBoundingClientRect();
        const name = control.getAttribute('part') ?? (control.id || control.textContent.trim());
        return [name || control.name, Math.min(width, height)];
      })
      .filter(([, size]) => size < 44);
  });
}

for (const [screen, viewport] of Object.entries({
  'a narrow screen': { width: 360, height: 740 },
  'a wide screen that is touched': { width: 1280, height: 900, hasTouch: true, isMobile: true },
})) {
  test(`on ${screen} targets are 44 pixels large`, async (context) => {
    const site = await openSite(context);
    const { page } = await openPage(site);
    await page.setViewport(viewport);
    // A change of the pointer loads the page again.
    await page.waitForSelector('sgan-trainer:defined');
    assert.equal(
      await page.evaluate(() => matchMedia('(pointer: coarse)').matches),
      viewport.hasTouch === true,
    );
    assert.deepEqual(await smallTargetsOf(page), [], 'idle');
    await click(page, STEP);
    await untilState(page, 'paused');
    await page.$eval('sgan-trainer', (trainer) => {
      trainer.seed = 5;
      for (const details of trainer.shadowRoot.querySelectorAll('details')) details.open = true;
    });
    await untilText(page, '.pending', /Reset now/);
    await click(page, '[part="save-button"]');
    await untilText(page, '.save .panel', /Load a checkpoint/);
    assert.deepEqual(await smallTargetsOf(page), [], 'paused, with everything open');
  });
}

test('an open panel covers none of the commands, on a phone or a wide screen', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  await click(page, STEP);
  await untilState(page, 'paused');
  const covered = () =>
    page.$eval('sgan-trainer', ({ shadowRoot }) =>
      ['primary-button', 'step-button', 'reset-button', 'engine', 'save-button'].filter((part) => {
        const button = shadowRoot.querySelector(`[part="${part}"]`);
        const { left, top, width, height } = button.getBoundingClientRect();
        const corners = [0.1, 0.5, 0.9].flatMap((x) => [0.1, 0.5, 0.9].map((y) => [x, y]));
        return corners.some(
          ([x, y]) => !button.contains(shadowRoot.elementFromPoint(left + x * width, top + y * height)),
        );
      }),
    );
  for (const width of [320, 390, 599, 700, 1000, 1280]) {
    await page.setViewport({ width, height: 844 });
    for (const panel of ['engine', 'save-button']) {
      await click(page, `[part="${panel}"]`);
      await untilThere(page, '.panel');
      assert.deepEqual(await covered(), [], `${panel} at ${width} px`);
      assert.equal(await overflowOf(page), 0, `${panel} at ${width} px`);
      await page.keyboard.press('Escape');
    }
  }
});

test('with reduced motion nothing is animated', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  const animations = () =>
    page.$eval(
      'sgan-trainer',
      ({ shadowRoot }) =>
        shadowRoot.getAnimations().filter(({ animationName }) => animationName !== undefined).length,
    );
  await emulate(page, [{ name: 'prefers-reduced-motion', value: 'no-preference' }]);
  site.files.set('train-images.gz', NO_ANSWER);
  await click(page, PRIMARY);
  await untilState(page, 'loading');
  await untilText(page, '[part="state"]', /Loading/);
  assert.ok((await animations()) > 0, 'the check would see them');
  await emulate(page, [{ name: 'prefers-reduced-motion', value: 'reduce' }]);
  assert.equal(await animations(), 0);
});

test('the chosen theme is remembered, and the element follows it', async (context) => {
  const site = await openSite(context);
  const { page } = await openPage(site);
  await emulate(page, [{ name: 'prefers-color-scheme', value: 'light' }]);
  const background = () => page.$eval('sgan-trainer', (trainer) => getComputedStyle(trainer).backgroundColor);
  const light = await background();
  await untilThere(page, '#loss-chart canvas');
  const chart = await pictureOf(page, '#loss-chart canvas');
  await page.click('input[value="dark"]');
  const dark = await background();
  assert.notEqual(dark, light);
  await untilPictureChanges(page, '#loss-chart canvas', chart);
  await page.reload();
  await page.waitForSelector('sgan-trainer:defined');
  assert.equal(await background(), dark);
  await page.click('input[value="system"]');
  assert.equal(await background(), light);
  assert.equal(await textOf(page, '[part="state"]'), 'Idle');
});
