/** The command line: what each option takes, and what a wrong one is told. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonNotToOpen } from '../../../scripts/lib/open-browser.mjs';
import { parseOptions, parseWholeNumber } from '../../../scripts/lib/options.mjs';
import { parseProtocolOptions } from '../../../scripts/lib/protocol-options.mjs';
import { parseRepairsOptions } from '../../../scripts/lib/repairs-options.mjs';
import { parseSweepOptions, sweepHelp } from '../../../scripts/lib/sweep-options.mjs';
import { checkAgainstCheckpoint, parseTrainOptions, trainHelp } from '../../../scripts/lib/train-options.mjs';

test('a stray argument names the missing --', () => {
  assert.throws(() => parseOptions('start', ['9000'], {}), /"9000" belongs to no option.*npm start -- /);
  assert.throws(
    () => parseOptions('train', ['runs/a'], {}),
    /"runs\/a" belongs to no option.*npm run train -- /,
  );
});

test('an option that npm has kept for itself names the missing --', () => {
  const options = {
    steps: { type: 'string' },
    'eval-every': { type: 'string' },
    'no-open': { type: 'boolean' },
  };
  const parse = (env) => parseOptions('train', [], options, env);
  assert.throws(() => parse({ npm_config_steps: '100' }), /npm has kept --steps .* npm run train -- --steps/);
  assert.throws(() => parse({ npm_config_eval_every: '7' }), /npm has kept --eval-every/);
  assert.throws(() => parse({ npm_config_open: '' }), /npm has kept --no-open/);
  // Of node-gyp and of npm itself: in an .npmrc they are no option of ours.
  const own = { jobs: { type: 'string' }, browser: { type: 'string' }, python: { type: 'string' } };
  const env = { npm_config_jobs: 'max', npm_config_browser: 'firefox', npm_config_python: 'python3' };
  assert.deepEqual({ ...parseOptions('sweep', ['--jobs', '2'], own, env) }, { jobs: '2' });
  assert.deepEqual({ ...parse({ npm_config_cache: '/home/.npm', npm_config_open: 'true' }) }, {});
});

test('an unknown option and a missing value are named', () => {
  const options = { port: { type: 'string' } };
  assert.throws(
    () => parseOptions('start', ['--prot', '1'], options),
    /Unknown option '--prot'\. See npm start/,
  );
  assert.throws(() => parseOptions('start', ['--port'], options), /'--port <value>' argument missing/);
  assert.throws(() => parseOptions('start', ['--port', '--x'], options), /'--port' needs a value/);
});

test('an empty value is as good as none, for every option', () => {
  const options = { out: { type: 'string' }, only: { type: 'string', multiple: true } };
  for (const args of [['--out', ''], ['--out='], ['--out', ' '], ['--only', 'a', '--only', '']]) {
    assert.throws(
      () => parseOptions('train', args, options),
      /^UsageError: --o\w+ has an empty value\. See npm run/,
    );
  }
  assert.throws(() => parseTrainOptions(['--out', '']), /--out has an empty value/);
});

test('a whole number outside its range is refused with the range', () => {
  assert.equal(parseWholeNumber('port', '80', 1, 65_535), 80);
  assert.equal(parseWholeNumber('port', undefined, 1, 65_535), undefined);
  for (const text of ['0', '65536', '1.5', 'x', '']) {
    assert.throws(
      () => parseWholeNumber('port', text, 1, 65_535),
      /--port is ".*"; allowed are whole numbers from 1/,
    );
  }
});

test('every setting of a run has an option', () => {
  const args = [
    '--recipe',
    'labels-only',
    '--labels',
    '100',
    '--balanced',
    '--discriminator-lr',
    '1e-4',
    '--out',
    'a',
  ];
  assert.deepEqual(parseTrainOptions(args), {
    given: { recipe: 'labels-only', labels: 100, balanced: true, discriminatorLr: 1e-4 },
    out: 'a',
  });
});

test('a flag that is on by default can be switched off, wherever it can be switched on', () => {
  const given = (...args) => parseTrainOptions(['--out', 'a', ...args]).given;
  assert.deepEqual(given('--no-balanced'), { balanced: false });
  assert.deepEqual(given('--balanced'), { balanced: true });
  assert.deepEqual(given(), {});
  assert.deepEqual(parseSweepOptions(['--out', 'a', '--no-balanced']).settings, { balanced: false });
  for (const words of [
    ['--balanced', '--no-balanced'],
    ['--no-balanced', '--balanced'],
  ]) {
    assert.throws(
      () => given(...words),
      /^UsageError: --balanced and --no-balanced exclude each other: leave one out/,
    );
  }
  for (const help of [trainHelp(), sweepHelp()]) {
    assert.match(help, /^ +--no-balanced +labelled images as they are drawn/m);
    // The defaults of recipes are written as they are given.
    assert.match(help, /^ +notebook .*--no-balanced/m);
    assert.doesNotMatch(help, /--balanced (true|false)|--no-(subgroups|float16)/);
  }
  // Where it is fixed there is neither.
  for (const parse of [parseProtocolOptions, parseRepairsOptions]) {
    assert.throws(() => parse(['--out', 'a', '--no-balanced']), /Unknown option '--no-balanced'/);
  }
  assert.throws(
    () => checkAgainstCheckpoint({ balanced: false }, { balanced: true }),
    /--no-balanced contradicts the checkpoint, whose balanced is true/,
  );
});

test('a bad setting is refused before anything is built, in the words of the worker', () => {
  assert.throws(
    () => parseTrainOptions(['--steps', 'many']),
    /"steps" is "many"; allowed: whole numbers from 1/,
  );
  assert.throws(
    () => parseTrainOptions(['--batch', '9']),
    /"batch" is 9; allowed: whole numbers from 10 to 1,024/,
  );
  assert.throws(
    () => parseTrainOptions(['--recipe', 'gan']),
    /"recipe" is "gan"; allowed: few-labels, .*notebook, /,
  );
});

test('numbers are read as the page reads them: what may be twenty or twenty thousand is neither', () => {
  const { given } = parseTrainOptions([
    '--steps',
    '20,000',
    '--discriminator-lr',
    '0,001',
    '--labels',
    '1e2',
    '--out',
    'a',
  ]);
  assert.deepEqual(given, { steps: 20_000, discriminatorLr: 0.001, labels: 100 });
  for (const [text, shown] of [
    ['20.000', '20.000'],
    ['0x10', '0x10'],
    ['1_0', '1_0'],
    ['Infinity', 'Infinity'],
  ]) {
    assert.throws(
      () => parseTrainOptions(['--steps', text]),
      ({ message }) => message.includes(`"steps" is "${shown}"`),
    );
    assert.throws(
      () => parseWholeNumber('draws', text, 1, 1000),
      /--draws is ".*"; allowed are whole numbers/,
    );
  }
});

test('repairs are named in any order, and only for a recipe that has them', () => {
  const given = (...args) => parseTrainOptions([...args, '--repairs', 'kernels,statistics']).given.repairs;
  assert.equal(given('--recipe', 'notebook-repaired'), 'statistics,kernels');
  assert.throws(
    () => given('--recipe', 'notebook'),
    /--repairs statistics,kernels means nothing to the recipe notebook; recipes with repairs: notebook-repaired\./,
  );
  assert.throws(() => given(), /means nothing to the recipe few-labels/);
  // A checkpoint has its recipe.
  assert.equal(given('--resume', 'a'), 'statistics,kernels');
  assert.equal(parseTrainOptions(['--recipe', 'notebook', '--repairs', 'none']).given.repairs, 'none');
  assert.throws(() => parseTrainOptions(['--resume', 'a', '--repairs', 'x']), /"repairs" is "x"; allowed/);
});

test('settings that contradict a checkpoint are refused, the total and the engine may change', () => {
  const settings = { seed: 1, steps: 10, engine: 'tfjs-wasm', balanced: false };
  checkAgainstCheckpoint({ seed: 1, steps: 20, engine: 'tfjs-cpu' }, settings);
  assert.throws(() => checkAgainstCheckpoint({ seed: 2 }, settings), /--seed 2 contradicts .* seed is 1/);
  assert.throws(() => checkAgainstCheckpoint({ balanced: true }, settings), /--balanced .*balanced is false/);
});

test('the help explains every option, recipe and engine', () => {
  assert.doesNotMatch(trainHelp(), /undefined/);
  for (const word of ['--resume', '--eval-every', 'labels-only', 'tfjs-wasm', '--repairs LIST', 'logsumexp '])
    assert.ok(trainHelp().includes(word));
});

test('a browser is opened only where somebody sees it', () => {
  const seen = { env: { DISPLAY: ':0' }, platform: 'linux', isTerminal: true };
  assert.equal(reasonNotToOpen(seen), undefined);
  assert.equal(reasonNotToOpen({ ...seen, env: {}, platform: 'darwin' }), undefined);
  assert.match(reasonNotToOpen({ ...seen, env: {} }), /display/);
  assert.match(reasonNotToOpen({ ...seen, env: { CI: '1', DISPLAY: ':0' } }), /CI/);
  assert.match(reasonNotToOpen({ ...seen, isTerminal: false }), /terminal/);
});
