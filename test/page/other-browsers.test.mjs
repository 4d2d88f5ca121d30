/** The built page in Firefox and WebKitGTK in a moment each; `npm run test:browsers` looks at more. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES, openBrowser, reasonToSkip } from '../browsers/support/engines.mjs';
import { openSite } from '../browsers/support/site.mjs';
import {
  clickPart,
  complaintsOf,
  openTrainer,
  stepOf,
  textOf,
  untilState,
  untilStep,
} from '../browsers/support/trainer.mjs';

for (const engine of ENGINES) {
  test(`${engine.name} trains, evaluates and pauses`, { skip: reasonToSkip(engine) }, async (context) => {
    const site = await openSite(context);
    const browser = await openBrowser(engine, context);
    await openTrainer(browser, site.url);
    await clickPart(browser, 'primary-button');
    await untilState(browser, 'running');
    await untilStep(browser, 3);
    await clickPart(browser, 'primary-button');
    await untilState(browser, 'paused');
    assert.ok((await stepOf(browser)) >= 3);
    assert.match(await textOf(browser, '.figure'), /%$/);
    assert.deepEqual(await complaintsOf(browser, site), []);
  });
}
