import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTrainer, SHORT } from './support/trainer.js';

test('start loads, runs to the end and reports everything on the way', async () => {
  const { trainer, states, of, reached, reports } = await openTrainer();
  assert.equal(await trainer.start(SHORT), 'running');
  await reached('finished');
  console.log(reports.map((r) => r.type + (r.type === 'metrics' ? `${r.firstStep}+${r.steps}` : '')).join(' '));
  assert.deepEqual(states(), ['loading', 'running', 'finished']);
  assert.deepEqual(of('evaluation').map(({ step }) => step), [1, 4, 8]);
});
