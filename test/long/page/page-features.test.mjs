/** The built site in browsers that throw at the look at one part of the platform. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURES, openOddSite, takingAway, train } from '../../page/support/odd-site.mjs';

test('goes on without what is throwing by itself', async (context) => {
  const site = await openOddSite(context);
  for (const feature of FEATURES) {
    await context.test(feature, async () => {
      const prelude = takingAway(feature, 'throwing');
      assert.equal((await train(site, { page: prelude, worker: prelude })).engine, 'wasm');
    });
  }
});
