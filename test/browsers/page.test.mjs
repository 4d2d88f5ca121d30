/** The built page in Firefox and WebKitGTK, as a person uses it. What an engine lacks is skipped aloud. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { findFaults } from './support/accessibility.mjs';
import { ENGINES, openBrowser, reasonToSkip } from './support/engines.mjs';
import { openSite } from './support/site.mjs';
import {
  SMALL,
  clickPart,
  complaintsOf,
  openTrainer,
  pictureOf,
  stepOf,
  textOf,
  until,
  untilPictureChanges,
  untilState,
  untilStep,
  untilText,
} from './support/trainer.mjs';

const NARROW = 390;

/** A browser of an engine with the trainer's page open. */
async function openPage(engine, context, settings = SMALL) {
  const site = await openSite(context);
  const browser = await openBrowser(engine, context);
  await openTrainer(browser, site.url, settings);
  return { site, browser };
}

for (const engine of ENGINES) {
  const skip = reasonToSkip(engine);

  describe(`in ${engine.name}`, () => {
    test('a person starts, watches, pauses, steps, resumes and resets', { skip }, async (context) => {
      const { site, browser } = await openPage(engine, context);
      await clickPart(browser, 'primary-button');
      await untilState(browser, 'running');
      await untilStep(browser, 6);
      assert.match(await textOf(browser, '[part="engine"]'), /WebAssembly/);
      assert.match(await textOf(browser, '.figure'), /%$/);
      const digits = await pictureOf(browser, '#digits');
      const chart = await pictureOf(browser, '#accuracy-chart canvas');
      const losses = await pictureOf(browser, '#loss-chart canvas');
      await untilPictureChanges(browser, '#digits', digits);
      await untilPictureChanges(browser, '#accuracy-chart canvas', chart);
      await untilPictureChanges(browser, '#loss-chart canvas', losses);

      await clickPart(browser, 'primary-button');
      await untilState(browser, 'paused');
      const paused = await stepOf(browser);
      await clickPart(browser, 'step-button');
      await untilText(browser, '.notice', `Paused at step ${paused + 1}.`);

      await clickPart(browser, 'primary-button');
      await untilState(browser, 'running');
      await untilStep(browser, paused + 3);
      await clickPart(browser, 'reset-button');
      await untilState(browser, 'ready');
      assert.equal(await stepOf(browser), 0);
      assert.equal(await textOf(browser, '.figure'), '–');
      assert.deepEqual(await complaintsOf(browser, site), []);
    });

    test(
      'a run saved on one page goes on in another, at its step and with its settings',
      { skip },
      async (context) => {
        const { site, browser } = await openPage(engine, context, { ...SMALL, seed: 3 });
        await clickPart(browser, 'step-button');
        await untilState(browser, 'paused');
        const sizes = await browser.execute(async () => {
          const trainer = document.querySelector('sgan-trainer');
          const found = {};
          for (const kind of ['model', 'samples', 'metrics']) found[kind] = (await trainer.save(kind)).size;
          const checkpoint = await trainer.save();
          await fetch('/kept', { method: 'PUT', body: checkpoint });
          return { ...found, name: checkpoint.name };
        });
        const { name, ...others } = sizes;
        assert.equal(name, 'sgan-notebook-seed3-step1-checkpoint.safetensors');
        for (const [kind, size] of Object.entries(others)) assert.ok(size > 50, `${kind} has ${size} bytes`);

        await openTrainer(browser, site.url, {});
        await browser.execute(async () => {
          const bytes = await (await fetch('/kept')).arrayBuffer();
          await document.querySelector('sgan-trainer').load(new Uint8Array(bytes));
        });
        await untilState(browser, 'paused');
        assert.equal(await stepOf(browser), 1);
        assert.match(await browser.execute(() => location.search), /seed=3/);
        await clickPart(browser, 'step-button');
        await untilStep(browser, 2);
        assert.deepEqual(await complaintsOf(browser, site), []);
      },
    );

    test(`nothing reaches over the edge at ${NARROW} pixels, in any state`, { skip }, async (context) => {
      const site = await openSite(context);
      const browser = await openBrowser(engine, context);
      const settings = { ...SMALL, steps: 2 };
      if (browser.canBeNarrow) {
        await browser.setSize(NARROW, 844);
        await openTrainer(browser, site.url, settings);
      } else {
        await browser.goTo(`${site.url}frame?${new URLSearchParams({ ...settings, width: NARROW })}`);
      }
      // What is asked is asked in the frame where there is one.
      const look = async (state) => {
        const [width, over] = await browser.execute(() => {
          const inner = document.querySelector('iframe')?.contentWindow ?? window;
          const { scrollWidth, clientWidth } = inner.document.documentElement;
          return [inner.innerWidth, scrollWidth - clientWidth];
        });
        assert.equal(width, NARROW);
        assert.equal(over, 0, state);
      };
      const command = (name) =>
        browser.execute((method) => {
          const page = document.querySelector('iframe')?.contentDocument ?? document;
          const trainer = page.querySelector('sgan-trainer');
          trainer[method]().catch(() => undefined);
        }, name);
      const untilInPage = (state) =>
        until(
          browser,
          state,
          (wanted) => {
            const page = document.querySelector('iframe')?.contentDocument ?? document;
            return page.querySelector('sgan-trainer')?.state === wanted;
          },
          state,
        );
      await untilInPage('idle');
      await look('idle');
      await command('step');
      await untilInPage('paused');
      await browser.execute(() => {
        const page = document.querySelector('iframe')?.contentDocument ?? document;
        for (const details of page.querySelector('sgan-trainer').shadowRoot.querySelectorAll('details')) {
          details.open = true;
        }
      });
      await look('paused, with everything open');
      await command('start');
      await untilInPage('finished');
      await look('finished');
    });

    test(
      'the page is sound for readers and keyboards, idle, paused and with its panels open',
      { skip },
      async (context) => {
        const { browser } = await openPage(engine, context);
        assert.deepEqual(await browser.execute(findFaults), [], 'idle');
        await clickPart(browser, 'step-button');
        await untilState(browser, 'paused');
        assert.deepEqual(await browser.execute(findFaults), [], 'paused');
        await clickPart(browser, 'save-button');
        await until(
          browser,
          'the panel',
          () => document.querySelector('sgan-trainer').shadowRoot.querySelector('.save .panel') !== null,
        );
        assert.deepEqual(await browser.execute(findFaults, '.panel'), [], 'with the panel open');
        // The checks themselves: planted defects are found.
        await browser.execute(() => {
          document.querySelector('h1').remove();
          const button = document.createElement('button');
          button.tabIndex = 3;
          const text = Object.assign(document.createElement('p'), { id: 'pale', textContent: 'pale' });
          text.style.cssText = 'color: #999; background: #fff';
          document.querySelector('main').append(button, text);
        });
        assert.deepEqual(await browser.execute(findFaults), [
          'there are 0 headings of the first level',
          '<h2> "Generated images" follows a heading of level 0',
          '<button> has no name',
          '<button> has the tab index 3',
          '<p id="pale"> "pale" has a contrast of 2.85',
        ]);
      },
    );
  });
}
