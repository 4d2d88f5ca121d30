/** The trainer of the commands: what a listener throws ends the run, aloud. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeadlessTrainer } from '../../scripts/lib/headless-trainer.mjs';
import { DIST } from '../../scripts/lib/paths.mjs';
import { readSite } from '../../scripts/lib/serve.mjs';

test('an error in following the reports is met by the command under way', async (context) => {
  const trainer = new HeadlessTrainer({ onUpload: () => {} });
  context.after(() => trainer.close());
  await trainer.open(await readSite(DIST));
  trainer.on('report', () => {
    throw new Error('this report has no loss');
  });
  await assert.rejects(trainer.start({ engine: 'wasm' }), /this report has no loss/);
});
