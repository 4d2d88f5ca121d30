/** `npm run plan` for images of any shape. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importSource } from '../../../scripts/lib/source-modules.mjs';
import { printPlan } from '../../../scripts/lib/plan-table.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

/** What is printed. */
async function printed(context, args) {
  const lines = [];
  context.mock.method(console, 'log', (line) => lines.push(line));
  await printPlan(args);
  context.mock.restoreAll();
  return lines.join('\n');
}

test('the plan is that of the images and classes that are asked for', async (context) => {
  const classify = ['--program', 'classify', '--rows', '7'];
  const asked = await printed(context, ['--image', '12x20x3', '--classes', '4', ...classify]);
  assert.match(asked, /\[7, 6, 10, 32\]/);
  assert.match(asked, /\[7, 1, 1, 5\]/);
  const usual = await printed(context, classify);
  assert.match(usual, /\[7, 14, 14, 32\]/);
  assert.match(usual, /\[7, 1, 1, 11\]/);
});

for (const name of RECIPE_NAMES) {
  test(`the plan of ${name} has a table for each of its programs`, async (context) => {
    const lines = (await printed(context, ['--recipe', name])).split('\n');
    const titles = lines.filter((line) => /: \d+ operations in \d+ stages$/.test(line));
    const names = titles.map((line) => line.replace(/:.*/, ''));
    assert.equal(new Set(names).size, names.length);
    for (const program of ['initialise', 'evaluate', 'classify']) assert.ok(names.includes(program));
    assert.ok(names.some((title) => title.startsWith('trainStep')));
    if (name === 'few-labels') {
      const steps = names.filter((title) => title.startsWith('trainStep'));
      assert.deepEqual(
        steps,
        ['look', 'spread', 'learn', 'draw'].map((stage) => `trainStep of ${stage}`),
      );
    }
  });
}

for (const [args, message] of [
  [['--image', '12x20'], '--image is "12x20"; it takes height x width x channels, as in 12x20x3.'],
  [
    ['--image', '12 x 20 x 3'],
    '--image is "12 x 20 x 3"; it takes height x width x channels, as in 12x20x3.',
  ],
  [
    ['--image', '7x28x1'],
    '--image is "7x28x1": such images are 7 x 28; allowed are 8 to 128 pixels each way.',
  ],
  [
    ['--image', '28x129x1'],
    '--image is "28x129x1": such images are 28 x 129; allowed are 8 to 128 pixels each way.',
  ],
  [
    ['--image', '28x28x2'],
    '--image is "28x28x2": such images have 2 channels; allowed are 1 (grey) and 3 (red, green, blue).',
  ],
  [['--classes', '1'], '--classes is "1"; allowed are whole numbers from 2 to 100.'],
  [['--classes', '101'], '--classes is "101"; allowed are whole numbers from 2 to 100.'],
  [['--classes', 'ten'], '--classes is "ten"; allowed are whole numbers from 2 to 100.'],
]) {
  test(`${args.join(' ')} is a usage error`, () =>
    assert.rejects(printPlan(args), { name: 'UsageError', message }));
}
