/**
 * A run as a safetensors file, and back. Reading trusts nothing: a file that is cut off, foreign,
 * damaged, of other networks, of other data, or holds what no run holds is refused by name.
 *
 * Tensors: parameters, running statistics, Adam moments and averages under the names of
 * `model/parameters.ts` (float32), `split/labelled` (uint32), and maps of the landmarks (uint8). Everything else is JSON in the
 * metadata, a digest of all the rest among it. Nothing in the file depends on the clock but `elapsedMs`
 * in `progress` and in its evaluations, so the tensors of a resumed run and of an unbroken one can be compared bit for bit.
 */

import { SETTING_RANGES, type Settings } from '../../protocol/settings.js';
import { metricNames } from '../../recipe/metrics.js';
import { checkProgress } from './check-progress.js';
import { checkTargets } from './check-targets.js';
import { checkMoments, checkTensor, type TensorKind } from './check-tensors.js';
import { digestOf } from './digest.js';
import { fingerprintOf } from '../data/fingerprint.js';
import type { EngineState } from '../engine/engine.js';
import type { Dataset, Split } from '../data/dataset.js';
import { TrainerError } from '../../protocol/errors.js';
import {
  averageName,
  momentNames,
  parametersOf,
  TARGET_STORE,
  type NamedTensor,
  type ParameterDescription,
} from '../model/parameters.js';
import type { RunProgress } from './snapshot.js';
import { entryOf, inStage, stageAt, unmeasuredSteps, type Recipe } from '../../recipe/recipe.js';
import { checkMaps, isMapTensor, MAPS, readMaps, storeMaps, type LandmarkMaps } from './landmark-maps.js';
import { parseJson } from './parse-json.js';
import { describeShape, readSafetensors, writeSafetensors, type StoredTensor } from './safetensors.js';
import { resolveSettings } from '../../protocol/check-settings.js';
import type { RunSnapshot } from './snapshot.js';
import { WORKER_VERSION } from '../version.js';
import { describeError, describeValue, formatNumber, shorten } from '../../protocol/wording.js';

const FORMAT = 'sgan-trainer-checkpoint';
const FORMAT_VERSION = '2';
/** Its metrics came by position, and schedules did not exist; early files of it have no digest. */
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

/** Kinds of tensors that are checked otherwise than their role says. */
const KINDS: Readonly<Partial<Record<ParameterDescription['part'], TensorKind>>> = {
  moving_variance: 'variance',
  targets: 'probability',
};

/** A file that is sound in itself; whether it fits data and networks is asked of `checkpointState`. */
export interface Checkpoint {
  readonly settings: Settings;
  readonly scheduleSteps: number;
  readonly progress: RunProgress;
  readonly maps: LandmarkMaps;
  readonly dataFingerprint: string;
  /** Whether the file says what it should hold, so that damage is seen; those of older builds do not. */
  readonly hasDigest: boolean;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

function invalid(found: string, cause?: unknown): TrainerError {
  const options = cause === undefined ? {} : { cause };
  return new TrainerError('InvalidCheckpoint', `The checkpoint cannot be used: ${found}.`, options);
}

/** Bytes of a file that `readCheckpoint` takes back. */
export function writeCheckpoint(snapshot: RunSnapshot): Uint8Array<ArrayBuffer> {
  const { settings, scheduleSteps, progress, maps, engine, state, split, dataset } = snapshot;
  const labelled: StoredTensor = { shape: [split.labelled.length], values: split.labelled };
  const named: [string, StoredTensor][] = [...state.tensors, [SPLIT_NAME, labelled]];
  // In one order, whatever order an engine keeps them in.
  const stored = storeMaps(maps);
  // Those of single bytes last: the others stay aligned.
  const tensors = new Map([...named.sort(([a], [b]) => (a < b ? -1 : 1)), ...stored.tensors]);
  const metadata = {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    trainerVersion: WORKER_VERSION,
    settings: JSON.stringify(settings),
    scheduleSteps: String(scheduleSteps),
    progress: JSON.stringify(progress),
    ...(stored.text !== null && { [MAPS]: stored.text }),
    engine: JSON.stringify(engine),
    dataFingerprint: fingerprintOf(dataset),
  };
  const digest = digestOf({ tensors, metadata });
  return writeSafetensors({ tensors, metadata: { ...metadata, digest } });
}

/** Rethrows what the checks of a part say about it as what is wrong with the checkpoint. */
function checking<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof TrainerError && error.kind === 'InvalidCheckpoint') throw error;
    throw invalid(describeError(error).replace(/\.$/, ''), error);
  }
}

function parseObject(metadata: Readonly<Record<string, string>>, key: string): Record<string, unknown> {
  const text = metadata[key];
  if (text === undefined) throw invalid(`its metadata has no "${key}"`);
  const value = parseJson(text, `metadata "${key}"`);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw invalid(`its metadata "${key}" is not an object`);
}

/** The progress; that of a file whose metrics come by position, with their names. */
function readProgress(
  metadata: Readonly<Record<string, string>>,
  settings: Settings,
  formatVersion: string,
): RunProgress {
  const found = parseObject(metadata, 'progress');
  const { lastValues } = found;
  if (formatVersion !== POSITIONAL_VERSION) return checkProgress(found, settings);
  if (!Array.isArray(lastValues) || ![0, POSITIONAL_METRICS.length].includes(lastValues.length)) {
    throw invalid('its progress has no valid "lastValues"');
  }
  const named = lastValues.map((value: unknown, index) => [POSITIONAL_METRICS[index]!, value] as const);
  const computed = named.filter(([, value]) => value !== null);
  return checkProgress({ ...found, lastValues: Object.fromEntries(computed) }, settings);
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
  const { metadata, tensors } = checking(() => readSafetensors(bytes));
  if (metadata['format'] !== FORMAT) {
    throw invalid('it is a safetensors file, but not a checkpoint of sgan-trainer');
  }
  const { formatVersion } = metadata;
  if (formatVersion !== FORMAT_VERSION && formatVersion !== POSITIONAL_VERSION) {
    throw invalid(
      `its format version is ${describeValue(formatVersion)}, this build reads "${POSITIONAL_VERSION}" and "${FORMAT_VERSION}"`,
    );
  }
  const settings = checking(() => resolveSettings(parseObject(metadata, 'settings')));
  const progress = checking(() => readProgress(metadata, settings, formatVersion));
  const maps = checking(() => readMaps(metadata[MAPS], tensors, progress.step));
  const { dataFingerprint, digest } = metadata;
  if (dataFingerprint === undefined) throw invalid('its metadata has no "dataFingerprint"');
  const found = digestOf({ metadata, tensors });
  if (digest === undefined && formatVersion !== POSITIONAL_VERSION) {
    throw invalid('its metadata has no "digest"');
  }
  if (digest !== undefined && digest !== found) {
    throw invalid(
      `it was damaged or changed after it was saved: its digest is ${describeValue(digest)}, ` +
        `its content has "${found}". Take another copy of it`,
    );
  }
  return {
    settings,
    scheduleSteps: readScheduleSteps(metadata, settings),
    progress,
    maps,
    dataFingerprint,
    hasDigest: digest !== undefined,
    tensors,
  };
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Throws where an evaluation has what the recipe has nothing of. */
function checkEvaluations(evaluations: RunProgress['evaluations'], recipe: Recipe): void {
  for (const { step, losses, generated, pseudoLabels } of evaluations) {
    const names = metricNames(inStage(recipe, stageAt(recipe, step - 1).stage));
    const unknown = Object.keys(losses).find((name) => !names.includes(name));
    const stray =
      unknown ??
      (generated !== null && recipe.generator === null ? 'generated images' : undefined) ??
      (pseudoLabels !== null && recipe.landmarks === null ? 'landmarks' : undefined);
    if (stray === undefined) continue;
    throw invalid(
      `its evaluation at step ${formatNumber(step)} has a value of ${shorten(stray)}, which the recipe has not`,
    );
  }
}

/** Throws `InvalidCheckpoint` where it was made with other data. */
export function checkData({ dataFingerprint }: Checkpoint, dataset: Dataset): void {
  if (dataFingerprint === fingerprintOf(dataset)) return;
  throw invalid('it was made with other data than this page has');
}

/**
 * The engine state of a checkpoint of this data (`checkData`), once it is known to fit: the same split, and
 * every tensor of the recipe's networks, in its shape, with values that a run can have. Throws `InvalidCheckpoint`.
 */
export function checkpointState(
  { progress, maps, tensors }: Checkpoint,
  recipe: Recipe,
  dataset: Dataset,
  split: Split,
): EngineState {
  const { step, lastValues, unmeasuredSteps: unmeasured } = progress;
  if (unmeasured !== unmeasuredSteps(recipe)) {
    throw invalid(
      `its progress has "unmeasuredSteps" ${unmeasured}, the recipe has ${unmeasuredSteps(recipe)} before its first accuracy`,
    );
  }
  // Of the step that was made last.
  const stage = inStage(recipe, stageAt(recipe, Math.max(0, step - 1)).stage);
  const names = metricNames(stage);
  const missing = names.find((name) => lastValues[name] === undefined);
  if (step > 0 && missing !== undefined) throw invalid(`its progress has no value of ${missing}`);
  const unknown = Object.keys(lastValues).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw invalid(`its progress has a value of ${shorten(unknown)}, which the recipe has not`);
  const labelled = tensors.get(SPLIT_NAME);
  if (labelled === undefined) throw invalid(`it has no tensor "${SPLIT_NAME}"`);
  if (!(labelled.values instanceof Uint32Array) || !sameNumbers(labelled.values, split.labelled)) {
    throw invalid(`its "${SPLIT_NAME}" is not the split that its seed draws`);
  }

  checking(() => checkMaps(maps, recipe, dataset, split));
  checkEvaluations(progress.evaluations, recipe);

  const read = new Map<string, NamedTensor>();
  const take = (name: string, shape: readonly number[]): NamedTensor => {
    const stored = tensors.get(name);
    if (stored === undefined)
      throw invalid(`it has no tensor "${name}", which the recipe ${recipe.name} needs`);
    const { values } = stored;
    if (!(values instanceof Float32Array)) throw invalid(`its tensor "${name}" is not float32`);
    if (!sameNumbers(stored.shape, shape)) {
      const found = describeShape(stored.shape);
      throw invalid(`its tensor "${name}" is ${found}, expected ${describeShape(shape)}`);
    }
    const tensor = { shape, values };
    read.set(name, tensor);
    return tensor;
  };
  for (const { name, network, shape, role, part, isAveraged } of parametersOf(recipe)) {
    const value = take(name, shape);
    checking(() => checkTensor(name, value, KINDS[part] ?? role));
    if (isAveraged) {
      const average = averageName(name);
      checking(() => checkTensor(average, take(average, shape), role));
    }
    if (role !== 'trained') continue;
    const names = momentNames(name);
    const [m, v] = [take(names.m, shape), take(names.v, shape)];
    checking(() => {
      checkTensor(names.m, m, 'firstMoment');
      checkTensor(names.v, v, 'secondMoment');
      checkMoments(names, m, v, step, entryOf(stage, network).optimiser);
    });
  }
  const targets = read.get(TARGET_STORE);
  if (targets !== undefined) checking(() => checkTargets(targets, step, recipe, dataset, split));
  const extra = [...tensors.keys()].find(
    (name) => name !== SPLIT_NAME && !isMapTensor(name) && !read.has(name),
  );
  if (extra !== undefined) {
    throw invalid(`it has a tensor ${describeValue(extra)} that the recipe ${recipe.name} does not know`);
  }
  return { step, tensors: read };
}
