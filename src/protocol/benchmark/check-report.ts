/**
 * Reads a benchmark's JSON. Files come from anywhere, so everything is checked that is looked at later; what
 * is refused is refused by its place in the file.
 */

import { describeError, describeValue, shorten } from '../wording.js';
import { TrainerError } from '../errors.js';
import { CONTENDER_NAMES } from './contenders.js';
import { PRESET_NAMES } from './pacing.js';
import { REPORT_SCHEMA, REPORT_VERSION, type BenchmarkReport } from './report.js';

/** No machine has taken part with more; a file with more is none of ours. */
const MOST_ENTRIES = 1000;
/** Texts are shown as they are, so none may be a book. */
const MOST_CHARACTERS = 2000;

/** Checks a value at a place of the file; throws what is wrong with it. */
type Check = (value: unknown, place: string) => void;

function refuse(value: unknown, place: string, allowed: string): never {
  throw new TrainerError(
    'DataInvalid',
    `"${place}" is ${describeValue(value)}; allowed: ${allowed}. The file is not a benchmark that this page can open.`,
  );
}

const number: Check = (value, place) => {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
    refuse(value, place, 'a number from 0');
};
const text: Check = (value, place) => {
  if (typeof value !== 'string' || value.length > MOST_CHARACTERS) refuse(value, place, 'a text');
};
const flag: Check = (value, place) => {
  if (typeof value !== 'boolean') refuse(value, place, 'true, false');
};
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value, place) => {
    if (!allowed.includes(value)) refuse(value, place, allowed.join(', '));
  };
const orNull =
  (check: Check): Check =>
  (value, place) => {
    if (value !== null) check(value, place);
  };
const optional =
  (check: Check): Check =>
  (value, place) => {
    if (value !== undefined) check(value, place);
  };
const listOf =
  (check: Check): Check =>
  (value, place) => {
    if (!Array.isArray(value) || value.length > MOST_ENTRIES) refuse(value, place, 'a list');
    (value as unknown[]).forEach((entry, index) => check(entry, `${place}[${index}]`));
  };
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Fields beside these may be there: a later build may know more. */
const objectOf =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value, place) => {
    if (!isObject(value)) refuse(value, place, 'an object');
    const prefix = place === '' ? '' : `${place}.`;
    for (const [name, check] of Object.entries(fields)) check(value[name], prefix + name);
  };
const recordOf =
  (check: Check): Check =>
  (value, place) => {
    if (!isObject(value) || Object.keys(value).length > MOST_ENTRIES) refuse(value, place, 'an object');
    for (const [name, entry] of Object.entries(value as object)) check(entry, `${place}.${shorten(name)}`);
  };

const positive: Check = (value, place) => {
  number(value, place);
  if (value === 0) refuse(value, place, 'a number above 0');
};
const whole: Check = (value, place) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) refuse(value, place, 'whole numbers from 0');
};
const spread = objectOf({
  min: positive,
  p10: orNull(positive),
  median: positive,
  p90: orNull(positive),
  max: positive,
});
const rate = objectOf({ median: positive, max: positive });

const adapter = objectOf({
  vendor: text,
  architecture: text,
  device: text,
  description: text,
  isSoftware: flag,
  features: listOf(text),
  limits: recordOf(number),
});

const operation = objectOf({
  name: text,
  kind: text,
  ms: number,
  multiplyAdds: number,
  gflops: orNull(number),
  gigabytesPerSecond: orNull(number),
});

const result = objectOf({
  engine: oneOf(...CONTENDER_NAMES),
  threads: orNull(whole),
  failure: orNull(text),
  version: optional(text),
  firstStepMs: orNull(number),
  msPerStep: orNull(spread),
  steps: whole,
  drift: orNull(number),
  jsMsPerStep: orNull(number),
  dispatchesPerStep: orNull(number),
  submitsPerStep: orNull(number),
  uploadedBytesPerStep: orNull(number),
  evaluationMs: orNull(number),
  evaluationImages: orNull(whole),
  evaluationCorrect: orNull(whole),
  memoryBytes: orNull(number),
  difference: orNull(objectOf({ losses: orNull(number), logits: orNull(number), gradients: orNull(number) })),
  operations: optional(listOf(operation)),
  operationsTimedBy: optional(oneOf('timestamps', 'clock')),
});

const report = objectOf({
  name: text,
  date: orNull((value, place) => {
    if (typeof value !== 'string' || Number.isNaN(Date.parse(value)))
      refuse(value, place, 'a date of ISO 8601');
  }),
  machine: objectOf({
    browser: text,
    cpu: orNull(text),
    cores: whole,
    memoryBytes: orNull(number),
    loadAverageBefore: orNull(number),
    loadAverage: orNull(number),
    isIsolated: flag,
    isOnBattery: orNull(flag),
  }),
  adapter: orNull(adapter),
  recipe: text,
  stage: optional(orNull(text)),
  batch: whole,
  preset: orNull(oneOf(...PRESET_NAMES)),
  pacing: orNull(
    objectOf({
      budgetMs: orNull(number),
      leastTurns: whole,
      mostTurns: whole,
      steadyWithin: orNull(number),
      evaluationMs: orNull(number),
    }),
  ),
  arithmetic: objectOf({ multiplyAdds: positive }),
  run: objectOf({ steps: whole, evaluations: whole, testImages: whole }),
  peaks: objectOf({
    adapter: orNull(objectOf({ gflops: positive, gigabytesPerSecond: positive })),
    microKernel: orNull(objectOf({ relaxed: orNull(rate), plain: rate })),
  }),
  wasHidden: flag,
  isComplete: flag,
  results: listOf(result),
});

/** A report that was read as JSON. Throws `DataInvalid`, with the place of what is wrong. */
export function checkReport(value: unknown): BenchmarkReport {
  if (!isObject(value) || value['schema'] !== REPORT_SCHEMA) {
    const found = isObject(value) ? describeValue(value['schema']) : describeValue(value);
    throw new TrainerError(
      'DataInvalid',
      `The file is no benchmark: its "schema" is ${found} instead of "${REPORT_SCHEMA}". ` +
        'Open a file that this page or "npm run bench -- --json" has written.',
    );
  }
  if (value['version'] !== REPORT_VERSION) {
    throw new TrainerError(
      'DataInvalid',
      `The file is of version ${describeValue(value['version'])} of its schema; this page reads version ${REPORT_VERSION}. ` +
        'Measure again, or open it in the build that wrote it.',
    );
  }
  report(value, '');
  return value as unknown as BenchmarkReport;
}

/** A report from a file's text. Throws `DataInvalid`. */
export function readReport(content: string): BenchmarkReport {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new TrainerError(
      'DataInvalid',
      `The file is no JSON (${describeError(cause)}). Choose another one.`,
      {
        cause,
      },
    );
  }
  return checkReport(value);
}
