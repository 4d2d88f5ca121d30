/**
 * A run as a safetensors file, and back. Reading trusts nothing: a file that is cut off, foreign,
 * of other networks, of other data, or holds a value that is not finite is refused by name.
 *
 * Tensors: parameters, running statistics, Adam moments and averages under the names of
 * `model/parameters.ts` (float32), and `split/labelled` (uint32). Everything else is JSON in the
 * metadata. Nothing in the file depends on the clock but `elapsedMs` in `progress`, so the tensors
 * of a resumed run and of an unbroken one can be compared bit for bit.
 */

import { SETTING_RANGES, type Settings } from '../../protocol/settings.js';
import { metricNames } from '../../recipe/metrics.js';
import { fingerprintOf } from '../data/fingerprint.js';
import type { EngineState } from '../engine/engine.js';
import type { Dataset, Split } from '../data/dataset.js';
import { TrainerError } from '../../protocol/errors.js';
import { averageName, momentNames, parametersOf, type NamedTensor } from '../model/parameters.js';
import type { RunProgress } from './snapshot.js';
import type { Recipe } from '../../recipe/recipe.js';
import { readSafetensors, writeSafetensors, type StoredTensor } from './safetensors.js';
import { resolveSettings } from '../../protocol/check-settings.js';
import type { RunSnapshot } from './snapshot.js';
import { WORKER_VERSION } from '../version.js';
import { describeError, describeValue, formatNumber } from '../../protocol/wording.js';

const FORMAT = 'sgan-trainer-checkpoint';
const FORMAT_VERSION = '2';
/** Its metrics came by position, and schedules did not exist. */
const POSITIONAL_VERSION = '1';
/** The metrics of a file of that version, in their order; null where the recipe has no such term. */
const POSITIONAL_METRICS = [
  'trainAccuracy',
  'discriminatorLoss',
  'generatorLoss',
  'realUnlabelledLoss',
  'fakeLoss',
  'supervisedLoss',
  'fakeAsRealLoss',
  'featureMatchingLoss',
];
const SPLIT_NAME = 'split/labelled';

/** A file that is sound in itself; whether it fits data and networks is asked of `checkpointState`. */
export interface Checkpoint {
  readonly settings: Settings;
  readonly scheduleSteps: number;
  readonly progress: RunProgress;
  readonly dataFingerprint: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

function invalid(found: string, cause?: unknown): TrainerError {
  const options = cause === undefined ? {} : { cause };
  return new TrainerError('InvalidCheckpoint', `The checkpoint cannot be used: ${found}.`, options);
}

/** Bytes of a file that `readCheckpoint` takes back. */
export function writeCheckpoint(snapshot: RunSnapshot): Uint8Array<ArrayBuffer> {
  const { settings, scheduleSteps, progress, engine, state, split, dataset } = snapshot;
  const labelled: StoredTensor = { shape: [split.labelled.length], values: split.labelled };
  const named: [string, StoredTensor][] = [...state.tensors, [SPLIT_NAME, labelled]];
  // In one order, whatever order an engine keeps them in.
  const tensors = new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  const metadata = {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    trainerVersion: WORKER_VERSION,
    settings: JSON.stringify(settings),
    scheduleSteps: String(scheduleSteps),
    progress: JSON.stringify(progress),
    engine: JSON.stringify(engine),
    dataFingerprint: fingerprintOf(dataset),
  };
  return writeSafetensors({ tensors, metadata });
}

function parseJson(metadata: Readonly<Record<string, string>>, key: string): Record<string, unknown> {
  const text = metadata[key];
  if (text === undefined) throw invalid(`its metadata has no "${key}"`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(`its metadata "${key}" is not JSON`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`its metadata "${key}" is not an object`);
}

/** The last step's scalars by name; null where they are no such thing. */
function readLastValues(found: unknown, formatVersion: string): Record<string, number> | null {
  if (typeof found !== 'object' || found === null) return null;
  let entries: [string, unknown][] = Object.entries(found);
  if (formatVersion === POSITIONAL_VERSION) {
    if (!Array.isArray(found) || ![0, POSITIONAL_METRICS.length].includes(found.length)) return null;
    entries = found
      .map((value, index): [string, unknown] => [POSITIONAL_METRICS[index]!, value])
      .filter(([, value]) => value !== null);
  } else if (Array.isArray(found)) return null;
  const values = entries.filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
  return values.length === entries.length ? Object.fromEntries(values) : null;
}

function readProgress(
  found: Record<string, unknown>,
  settings: Settings,
  formatVersion: string,
): RunProgress {
  const numberOf = (field: keyof RunProgress, most: number, isCount: boolean): number => {
    const value = found[field];
    const fits =
      typeof value === 'number' && value >= 0 && value <= most && (!isCount || Number.isInteger(value));
    if (fits) return value;
    throw invalid(
      `its progress has "${field}" ${describeValue(value)}, allowed are 0 to ${formatNumber(most)}`,
    );
  };
  const step = numberOf('step', settings.steps, true);
  const evaluatedStep = numberOf('evaluatedStep', step, true);
  const lastValues = readLastValues(found['lastValues'], formatVersion);
  if (lastValues === null || (step === 0) !== (Object.keys(lastValues).length === 0)) {
    throw invalid('its progress has no valid "lastValues"');
  }
  return {
    step,
    evaluatedStep,
    accuracySum: numberOf('accuracySum', step - evaluatedStep, false),
    accuracyCount: numberOf('accuracyCount', step - evaluatedStep, true),
    lastValues,
    elapsedMs: numberOf('elapsedMs', Number.MAX_VALUE, false),
  };
}

/** Files without it were made before there were schedules, so any number does. */
function readScheduleSteps(metadata: Readonly<Record<string, string>>, { steps }: Settings): number {
  const text = metadata['scheduleSteps'] ?? String(steps);
  const { min, max } = SETTING_RANGES.steps;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(
    `its "scheduleSteps" is ${describeValue(text)}, allowed are ${formatNumber(min)} to ${formatNumber(max)}`,
  );
}

/** Checks a file as far as it can be without the data. Throws `InvalidCheckpoint`. */
export function readCheckpoint(bytes: Uint8Array<ArrayBuffer>): Checkpoint {
  if (!(bytes instanceof Uint8Array)) throw invalid(`it is ${describeValue(bytes)}, not bytes`);
  let file: ReturnType<typeof readSafetensors>;
  try {
    file = readSafetensors(bytes);
  } catch (error) {
    throw invalid(describeError(error), error);
  }
  const { metadata, tensors } = file;
  if (metadata['format'] !== FORMAT) {
    throw invalid('it is a safetensors file, but not a checkpoint of sgan-trainer');
  }
  const { formatVersion } = metadata;
  if (formatVersion !== FORMAT_VERSION && formatVersion !== POSITIONAL_VERSION) {
    throw invalid(
      `its format version is ${describeValue(formatVersion)}, this build reads "${POSITIONAL_VERSION}" and "${FORMAT_VERSION}"`,
    );
  }
  let settings: Settings;
  try {
    settings = resolveSettings(parseJson(metadata, 'settings'));
  } catch (error) {
    if (error instanceof TrainerError && error.kind === 'InvalidCheckpoint') throw error;
    throw invalid(describeError(error).replace(/\.$/, ''), error);
  }
  const { dataFingerprint } = metadata;
  if (dataFingerprint === undefined) throw invalid('its metadata has no "dataFingerprint"');
  return {
    settings,
    scheduleSteps: readScheduleSteps(metadata, settings),
    progress: readProgress(parseJson(metadata, 'progress'), settings, formatVersion),
    dataFingerprint,
    tensors,
  };
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The engine state of a checkpoint, once it is known to fit: the same data, the same split, and
 * every tensor of the recipe's networks, finite, in its shape. Throws `InvalidCheckpoint`.
 */
export function checkpointState(
  { progress, dataFingerprint, tensors }: Checkpoint,
  recipe: Recipe,
  dataset: Dataset,
  split: Split,
): EngineState {
  if (dataFingerprint !== fingerprintOf(dataset)) {
    throw invalid('it was made with other data than this page has');
  }
  const names = metricNames(recipe);
  const missing = names.find((name) => progress.lastValues[name] === undefined);
  if (progress.step > 0 && missing !== undefined) throw invalid(`its progress has no value of ${missing}`);
  const unknown = Object.keys(progress.lastValues).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(`its progress has a value of ${unknown}, which the recipe has not`);
  const labelled = tensors.get(SPLIT_NAME);
  if (labelled === undefined) throw invalid(`it has no tensor "${SPLIT_NAME}"`);
  if (!(labelled.values instanceof Uint32Array) || !sameNumbers(labelled.values, split.labelled)) {
    throw invalid(`its "${SPLIT_NAME}" is not the split that its seed draws`);
  }

  const read = new Map<string, NamedTensor>();
  const take = (name: string, shape: readonly number[]): void => {
    const stored = tensors.get(name);
    if (stored === undefined)
      throw invalid(`it has no tensor "${name}", which the recipe ${recipe.name} needs`);
    const { values } = stored;
    if (!(values instanceof Float32Array)) throw invalid(`its tensor "${name}" is not float32`);
    if (!sameNumbers(stored.shape, shape)) {
      throw invalid(`its tensor "${name}" is [${stored.shape.join(', ')}], expected [${shape.join(', ')}]`);
    }
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong !== -1)
      throw invalid(`its tensor "${name}" holds ${values[wrong]} at element ${formatNumber(wrong)}`);
    read.set(name, { shape, values });
  };
  for (const { name, shape, role, isAveraged } of parametersOf(recipe)) {
    take(name, shape);
    if (isAveraged) take(averageName(name), shape);
    if (role !== 'trained') continue;
    const moments = momentNames(name);
    take(moments.m, shape);
    take(moments.v, shape);
  }
  const extra = [...tensors.keys()].find((name) => name !== SPLIT_NAME && !read.has(name));
  if (extra !== undefined)
    throw invalid(`it has a tensor "${extra}" that the recipe ${recipe.name} does not know`);
  return { step: progress.step, tensors: read };
}
