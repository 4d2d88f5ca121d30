/** What `npm run digit-reader` and `npm run read-digits` may be asked for. */

import path from 'node:path';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { parseOptions } from './options.mjs';
import { inRoot } from './paths.mjs';
import { SETTING_OPTIONS, checkSettings, settingDescriber, table, toValue } from './train-options.mjs';

/** Where the committed reader lies. */
export const READER_FOLDER = inRoot('bench', 'digit-reader');
export const READER = 'digit-reader.safetensors';
export const READER_RECORD = 'digit-reader.json';

/** All labels, no GAN. */
const READER_SETTINGS = {
  recipe: 'labels-only-augmented',
  engine: 'wasm',
  seed: 1,
  steps: 3000,
  labels: 60_000,
  balanced: false,
  batch: 512,
  evalEvery: 0,
};

/** What may be given beside them: how long and where, not what is learned. */
const SETTINGS = ['steps', 'threads', 'batch'];

const TRAIN_OPTIONS = {
  out: { type: 'string', value: 'FOLDER', note: 'where the run goes' },
  resume: { type: 'boolean', note: 'go on with the run in --out' },
  into: {
    type: 'string',
    value: 'FOLDER',
    note: `where ${READER} and ${READER_RECORD} go (default bench/digit-reader)`,
  },
  help: { type: 'boolean', note: 'this text' },
};

const TRAIN_SETTINGS = Object.fromEntries(
  Object.entries(SETTING_OPTIONS).filter(([, { setting }]) => SETTINGS.includes(setting)),
);

const READ_OPTIONS = {
  run: {
    type: 'string',
    value: 'FOLDER|FILE',
    note: 'a run, or its checkpoint; may be given several times',
    multiple: true,
  },
  out: { type: 'string', value: 'FILE', note: 'where the result goes as well, as JSON' },
  reader: { type: 'string', value: 'FILE', note: 'another reader than the one in bench/digit-reader' },
  help: { type: 'boolean', note: 'this text' },
};

function typesOf(options) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
}

function optionTable(options) {
  return table(
    Object.entries(options).map(([name, { value, note }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      note,
    ]),
  );
}

/** The options of the training; null where the help was asked for. Throws a UsageError. */
export function parseReaderOptions(args) {
  const values = parseOptions('digit-reader', args, typesOf({ ...TRAIN_SETTINGS, ...TRAIN_OPTIONS }));
  if (values.help) return null;
  if (values.out === undefined) throw new UsageError('Say where the run goes: --out runs/digit-reader.');
  const given = { ...READER_SETTINGS };
  for (const [name, value] of Object.entries(values)) {
    const { setting } = TRAIN_SETTINGS[name] ?? {};
    if (setting !== undefined) given[setting] = toValue(setting, value);
  }
  checkSettings(given);
  return {
    out: values.out,
    isResumed: values.resume === true,
    into: resolveGiven(values.into) ?? READER_FOLDER,
    settings: given,
  };
}

/** The options of the reading; null where the help was asked for. Throws a UsageError. */
export function parseReadOptions(args) {
  const values = parseOptions('read-digits', args, typesOf(READ_OPTIONS));
  if (values.help) return null;
  if (values.run === undefined) throw new UsageError('Say whose images are to be read: --run runs/a.');
  return {
    runs: values.run,
    out: resolveGiven(values.out),
    reader: resolveGiven(values.reader) ?? path.join(READER_FOLDER, READER),
  };
}

export function readerHelp() {
  return `npm run digit-reader -- --out runs/digit-reader

Trains a classifier of digits on all labels of the training set, and writes its parameters as float16 into ${READER},
and how many of the test images it reads rightly into ${READER_RECORD}. It is what "npm run read-digits" reads with.
Takes some minutes. Ctrl-C ends with a checkpoint; --resume goes on.

The command:
${optionTable(TRAIN_OPTIONS)}

Settings:
${table(Object.entries(TRAIN_SETTINGS).map(settingDescriber(checkSettings(READER_SETTINGS))))}`;
}

export function readHelp() {
  return `npm run read-digits -- --run runs/a
npm run read-digits -- --run runs/a --run runs/b --out reading.json

Makes 1,000 images by a run's generator, always from the same latents, and reads them by a classifier of its own, which
was trained on all labels: the share that it reads with a probability above 0.9, the entropy in bits of the classes that
it reads them as (3.32 where all ten are as frequent), and the mean over pixels of the deviation between images in
[-1, 1]. Needs no browser. For runs on MNIST, or on digits like them: of other images it reads nothing that is sensible.

${optionTable(READ_OPTIONS)}`;
}
