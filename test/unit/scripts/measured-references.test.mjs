/** The page's measured references, as `npm run docs` makes them of protocols. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { readProtocols, referencesModule, referencesOf } from '../../../scripts/lib/measured-references.mjs';
import { summaryFiles } from '../../../scripts/lib/protocol-summary.mjs';
import { importSource } from '../../../scripts/lib/source-modules.mjs';

const { completeSettings } = await importSource('src/protocol/check-settings.ts');

/** As protocol.json has it. */
function protocolOf({ recipe = 'few-labels-no-gan', labels = 100, settings = {}, ...more } = {}) {
  const all = { ...completeSettings({ recipe, labels }), balanced: true, evalEvery: 0, ...settings };
  for (const name of ['seed', 'recipe', 'labels']) delete all[name];
  const draws = [1, 2, 3].map((draw) => ({ draw, accuracy: 0.98, steps: all.steps, seconds: 100 }));
  return { version: 1, recipe, labels, settings: all, evaluatedOn: 'test', draws, mean: 0.98, ...more };
}

const named = (...protocols) => protocols.map((protocol, index) => ({ name: `${index}.json`, protocol }));

test('a reference has the mean of a recipe over draws of so many labels', () => {
  const references = referencesOf(
    named(protocolOf({ labels: 20, mean: 0.9 }), protocolOf(), protocolOf({ recipe: 'few-labels' })),
    'abc',
  );
  const rest = { draws: 3, steps: 5000, dataFingerprint: 'abc' };
  assert.deepEqual(references, [
    { recipe: 'few-labels', labels: 100, mean: 0.98, ...rest },
    { recipe: 'few-labels-no-gan', labels: 20, mean: 0.9, ...rest },
    { recipe: 'few-labels-no-gan', labels: 100, mean: 0.98, ...rest },
  ]);
});

test('what says nothing of the recipe as the page has it is left out, with the reason', () => {
  const reasons = [];
  const references = referencesOf(
    named(
      protocolOf({ version: 2 }),
      protocolOf({ evaluatedOn: 'the last 5000 training images' }),
      protocolOf({ draws: [], mean: null }),
      protocolOf({ settings: { discriminatorLr: 0.01 } }),
      protocolOf({ draws: [{ draw: 1, accuracy: 0.98, steps: 10, seconds: 1 }] }),
      { ...protocolOf(), recipe: 'gone' },
      protocolOf({ data: 'runs/signs' }),
    ),
    'abc',
    (name, why) => reasons.push(`${name}: ${why}`),
  );
  assert.deepEqual(references, []);
  assert.deepEqual(reasons, [
    '0.json: its version is 2, not 1',
    '1.json: it was evaluated on the last 5000 training images, not on the test images',
    '2.json: no draw is finished',
    '3.json: its "discriminatorLr" is 0.01, the recipe\'s own is 0.002',
    '4.json: a draw has not made its 5000 steps',
    '5.json: there is no recipe "gone"',
    '6.json: it was measured on the images in runs/signs, not on MNIST',
  ]);
});

test('two protocols of the same are one too many', () => {
  assert.throws(
    () => referencesOf(named(protocolOf(), protocolOf({ mean: 0.99 })), 'abc'),
    /0\.json and 1\.json both measure few-labels-no-gan with 100 labels; keep one/,
  );
});

test('protocols are read from a folder, none where there is none', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'protocols-'));
  try {
    assert.deepEqual(await readProtocols(path.join(folder, 'missing')), []);
    await writeFile(path.join(folder, 'p100.json'), JSON.stringify(protocolOf()));
    await writeFile(path.join(folder, 'p100.csv'), 'draw,accuracy');
    assert.deepEqual(await readProtocols(folder), [{ name: 'p100.json', protocol: protocolOf() }]);
    await writeFile(path.join(folder, 'broken.json'), '{');
    await assert.rejects(readProtocols(folder), /broken\.json is not JSON; measure it again/);
    const { draws } = protocolOf();
    for (const [odd, problem] of [
      [protocolOf({ mean: 0.99 }), /its mean is 0\.99, that of its draws is 0\.98/],
      [protocolOf({ draws: null }), /it has no list of draws/],
      [protocolOf({ draws: [...draws, draws[0]] }), /it has its draw 1 twice/],
      [protocolOf({ draws: [{ ...draws[0], accuracy: '0.98' }] }), /its draw 1 has "0\.98" as "accuracy"/],
      [{ ...protocolOf(), settings: null }, /it has no settings/],
      [null, /it has no settings/],
      [[], /it has no settings/],
    ]) {
      await writeFile(path.join(folder, 'broken.json'), JSON.stringify(odd));
      await assert.rejects(readProtocols(folder), ({ message }) => {
        assert.match(message, /broken\.json is no protocol: .* Measure it again with npm run protocol\.$/);
        return problem.test(message);
      });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the module is TypeScript of the project, with no figure where none was measured', async () => {
  assert.match(await referencesModule([]), /MEASURED_REFERENCES: readonly MeasuredReference\[\] = \[\];\n$/);
  const text = await referencesModule(referencesOf(named(protocolOf()), 'abc'));
  assert.ok(text.includes("recipe: 'few-labels-no-gan'") && text.includes('mean: 0.98'));
});

test('draws of all protocols are one table and one chart, but for other images', () => {
  const protocols = named(
    protocolOf({ recipe: 'few-labels', mean: 0.99 }),
    protocolOf({ labels: 20 }),
    protocolOf({ data: 'runs/signs' }),
    protocolOf({ evaluatedOn: 'the last 5000 training images' }),
  );
  const files = summaryFiles(protocols);
  const lines = files['draws.csv'].trimEnd().split('\r\n');
  assert.equal(lines.length, 1 + 3 + 3);
  assert.match(lines[1], /^few-labels-labels100-seed1,few-labels,100,1,finished,5000,5000,0\.98,,100000,/);
  for (const words of ['few-labels, 100 labels', 'few-labels-no-gan, 20 labels', 'over 3 seeds']) {
    assert.ok(files['draws.svg'].includes(words), words);
  }
});
