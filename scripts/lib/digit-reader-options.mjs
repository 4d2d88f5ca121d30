/** What `npm run digit-reader` and `npm run read-digits` may be asked for. */

import path from 'node:path';
import { commandToGoOn, resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { inRoot } from './paths.mjs';
import {
  checkSettings,
  optionTable,
  parseCommand,
  settingDescriber,
  settingOptions,
  table,
} from './train-options.mjs';

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

const TRAIN_SETTINGS = settingOptions((setting) => SETTINGS.includes(setting));

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

/** The options of the training; null where the help was asked for. Throws a UsageError. */
export function parseReaderOptions(args) {
  const { given, own } = parseCommand('digit-reader', args, TRAIN_SETTINGS, TRAIN_OPTIONS);
  if (own.help) return null;
  if (own.out === undefined) throw new UsageError('Say where the run goes: --out runs/digit-reader.');
  const settings = { ...READER_SETTINGS, ...given };
  checkSettings(settings);
  return {
    out: own.out,
    isResumed: own.resume === true,
    resumeCommand: commandToGoOn('digit-reader', args),
    into: resolveGiven(own.into) ?? READER_FOLDER,
    settings,
  };
}

/** The options of the reading; null where the help was asked for. Throws a UsageError. */
export function parseReadOptions(args) {
  const { own } = parseCommand('read-digits', args, {}, READ_OPTIONS);
  if (own.help) return null;
  if (own.run === undefined) throw new UsageError('Say whose images are to be read: --run runs/a.');
  return {
    runs: own.run,
    out: resolveGiven(own.out),
    reader: resolveGiven(own.reader) ?? path.join(READER_FOLDER, READER),
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
