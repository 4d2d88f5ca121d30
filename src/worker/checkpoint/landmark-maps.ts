/**
 * What is known of a run's landmarks beside its tensors, as it is kept and saved: where they lie by their features, and
 * how labels were spread over them. Three bytes a landmark; reading trusts nothing, as with the rest of a checkpoint.
 */

import { NO_CLASS, type FeatureMapReport, type Report, type SpreadReport } from '../../protocol/reports.js';
import { describeValue, formatNumber } from '../../protocol/wording.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { Dataset, Split } from '../data/dataset.js';
import { landmarksOf } from '../model/draws.js';
import { spreadStepsOf } from './check-targets.js';
import { parseJson } from './parse-json.js';
import { describeShape, type StoredTensor } from './safetensors.js';

/** Bytes of a kept map are never changed: copies of a run share them. */
export interface KeptMap extends Pick<FeatureMapReport, 'step'> {
  /** [landmarks, 2]: -1 to 1 as 0 to 255. */
  readonly points: Uint8Array<ArrayBuffer>;
  /** [landmarks] as in the report. */
  readonly classes: Uint8Array<ArrayBuffer>;
}

export interface KeptSpread
  extends
    KeptMap,
    Pick<SpreadReport, 'trust' | 'leftOut' | 'leftOutRight' | 'usedShare' | 'reachedShare' | 'agreement'> {}

export interface LandmarkMaps {
  /** The newest, unless labels were spread since. */
  readonly featureMap: KeptMap | null;
  /** The newest. */
  readonly spread: KeptSpread | null;
}

/** Of a run that begins, and of files of older builds. */
export const NO_MAPS: LandmarkMaps = Object.freeze({ featureMap: null, spread: null });

/** In a checkpoint's metadata; beside it tensors `featureMap/points` and so on. */
export const MAPS = 'landmarkMaps';

const TRUSTS: readonly SpreadReport['trust'][] = ['all', 'surest', 'none'];
const KINDS = ['featureMap', 'spread'] as const;

type MapKind = (typeof KINDS)[number];

const namesOf = (kind: MapKind): { readonly points: string; readonly classes: string } => ({
  points: `${kind}/points`,
  classes: `${kind}/classes`,
});

/** Whether a tensor of a checkpoint is one of a map. */
export function isMapTensor(name: string): boolean {
  return KINDS.some((kind) => Object.values(namesOf(kind)).includes(name));
}

function toBytes(points: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(points, (value) => Math.round(127.5 * (value + 1)));
}

function toPoints(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bytes, (byte) => byte / 127.5 - 1);
}

/** The maps after a report; the same where it is of nothing that is kept. Copies what it keeps. */
export function mapsAfter(maps: LandmarkMaps, report: Report): LandmarkMaps {
  if (report.type !== 'featureMap' && report.type !== 'spread') return maps;
  const { step, points, classes } = report;
  const map: KeptMap = { step, points: toBytes(points), classes: classes.slice() };
  if (report.type === 'featureMap') return { ...maps, featureMap: map };
  const { trust, leftOut, leftOutRight, usedShare, reachedShare, agreement } = report;
  const spread = { ...map, trust, leftOut, leftOutRight, usedShare, reachedShare, agreement };
  return { featureMap: null, spread };
}

/** What a page is told of them; the buffers are its own. */
export function mapReports({ featureMap, spread }: LandmarkMaps): (FeatureMapReport | SpreadReport)[] {
  const reports: (FeatureMapReport | SpreadReport)[] = [];
  const own = ({ points, classes }: KeptMap): Pick<FeatureMapReport, 'points' | 'classes'> => ({
    points: toPoints(points),
    classes: classes.slice(),
  });
  if (spread !== null) reports.push({ type: 'spread', ...spread, ...own(spread) });
  if (featureMap !== null) {
    reports.push({ type: 'featureMap', step: featureMap.step, ...own(featureMap) });
  }
  return reports;
}

/** Their part of a checkpoint: a text of the metadata, null where there is nothing, and tensors by name. */
export function storeMaps(maps: LandmarkMaps): {
  readonly text: string | null;
  readonly tensors: readonly [string, StoredTensor][];
} {
  const kept = KINDS.filter((kind) => maps[kind] !== null);
  if (kept.length === 0) return { text: null, tensors: [] };
  const described = kept.map((kind) => {
    const figures = Object.entries(maps[kind]!).filter(([, value]) => !(value instanceof Uint8Array));
    return [kind, Object.fromEntries(figures)] as const;
  });
  const tensors = kept.flatMap((kind): [string, StoredTensor][] => {
    const { points, classes } = maps[kind]!;
    const names = namesOf(kind);
    return [
      [names.points, { shape: [classes.length, 2], values: points }],
      [names.classes, { shape: [classes.length], values: classes }],
    ];
  });
  return { text: JSON.stringify(Object.fromEntries(described)), tensors };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readBytes(
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
  shapeOf: (count: number) => readonly number[],
): Uint8Array<ArrayBuffer> {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`it has no tensor "${name}", which its "${MAPS}" needs`);
  const { shape, values } = tensor;
  if (!(values instanceof Uint8Array)) throw new Error(`its tensor "${name}" is not uint8`);
  const expected = shapeOf(shape[0] ?? 0);
  if (shape.join() === expected.join()) return values;
  throw new Error(
    `its tensor "${name}" is ${describeShape(shape)}, expected ${describeShape(expected)} of as many landmarks`,
  );
}

/** Throws an `Error` that names the field where it is no number of its range. */
function numberOf(
  found: Record<string, unknown>,
  kind: MapKind,
  field: string,
  most: number,
  isCount: boolean,
): number {
  const value = found[field];
  const fits = typeof value === 'number' && value >= 0 && value <= most;
  if (fits && (!isCount || Number.isInteger(value))) return value;
  throw new Error(
    `its "${MAPS}" has a ${kind} whose "${field}" is ${describeValue(value)}, allowed are 0 to ${formatNumber(most)}`,
  );
}

function readMap(
  found: Record<string, unknown>,
  kind: MapKind,
  tensors: ReadonlyMap<string, StoredTensor>,
  step: number,
): KeptMap {
  const names = namesOf(kind);
  const classes = readBytes(tensors, names.classes, (count) => [count]);
  const points = readBytes(tensors, names.points, () => [classes.length, 2]);
  return { step: numberOf(found, kind, 'step', step, true), points, classes };
}

function readSpread(
  found: Record<string, unknown>,
  tensors: ReadonlyMap<string, StoredTensor>,
  step: number,
): KeptSpread {
  const map = readMap(found, 'spread', tensors, step);
  const { trust } = found;
  const known = TRUSTS.find((each) => each === trust);
  if (known === undefined) {
    throw new Error(
      `its "${MAPS}" has a spread whose "trust" is ${describeValue(trust)}, allowed are ${TRUSTS.join(', ')}`,
    );
  }
  const leftOut = numberOf(found, 'spread', 'leftOut', map.classes.length, true);
  const reachedShare = numberOf(found, 'spread', 'reachedShare', 1, false);
  return {
    ...map,
    trust: known,
    leftOut,
    leftOutRight: numberOf(found, 'spread', 'leftOutRight', leftOut, true),
    usedShare: numberOf(found, 'spread', 'usedShare', reachedShare, false),
    reachedShare,
    agreement: numberOf(found, 'spread', 'agreement', 1, false),
  };
}

/** The maps of a checkpoint of `step` updates, as far as they can be checked without its data. Throws an `Error`. */
export function readMaps(
  text: string | undefined,
  tensors: ReadonlyMap<string, StoredTensor>,
  step: number,
): LandmarkMaps {
  if (text === undefined) {
    const stray = [...tensors.keys()].find(isMapTensor);
    if (stray === undefined) return NO_MAPS;
    throw new Error(`it has a tensor "${stray}", but its metadata has no "${MAPS}"`);
  }
  const found = parseJson(text, `metadata "${MAPS}"`);
  if (!isObject(found)) throw new Error(`its metadata "${MAPS}" is not an object`);
  const partOf = (kind: MapKind): Record<string, unknown> | null => {
    const part = found[kind];
    if (part === undefined) {
      const stray = Object.values(namesOf(kind)).find((name) => tensors.has(name));
      if (stray === undefined) return null;
      throw new Error(`it has a tensor "${stray}", but its "${MAPS}" has no ${kind}`);
    }
    if (!isObject(part)) throw new Error(`its "${MAPS}" has a ${kind} that is not an object`);
    return part;
  };
  const [featureMap, spread] = [partOf('featureMap'), partOf('spread')];
  return {
    featureMap: featureMap === null ? null : readMap(featureMap, 'featureMap', tensors, step),
    spread: spread === null ? null : readSpread(spread, tensors, step),
  };
}

function checkClasses(
  kind: MapKind,
  { classes }: KeptMap,
  recipe: Recipe,
  dataset: Dataset,
  split: Split,
): void {
  const landmarks = landmarksOf(recipe, split);
  const { length } = classes;
  if (length > landmarks.length || (kind === 'spread' && length !== landmarks.length)) {
    const expected = kind === 'spread' ? 'as many as' : 'at most';
    throw new Error(
      `its ${kind} is of ${formatNumber(length)} landmarks, expected ${expected} the recipe's ${formatNumber(landmarks.length)}`,
    );
  }
  const wrong = classes.findIndex((own, row) =>
    row < split.labelled.length
      ? own !== dataset.train.labels[landmarks[row]!]
      : own >= recipe.classes && own !== NO_CLASS,
  );
  if (wrong === -1) return;
  throw new Error(
    `its tensor "${namesOf(kind).classes}" holds ${classes[wrong]} at element ${formatNumber(wrong)}, which is ` +
      (wrong < split.labelled.length ? 'not the label of that image' : 'no class'),
  );
}

/** Throws an `Error` where the maps cannot be of a run of this recipe, on these data. */
export function checkMaps(maps: LandmarkMaps, recipe: Recipe, dataset: Dataset, split: Split): void {
  for (const kind of KINDS) {
    const map = maps[kind];
    if (map === null) continue;
    if (recipe.landmarks === null) {
      throw new Error(`it has a ${kind}, but the recipe ${recipe.name} has no landmarks`);
    }
    checkClasses(kind, map, recipe, dataset, split);
  }
  const { spread } = maps;
  const steps = spreadStepsOf(recipe);
  if (spread === null || steps.includes(spread.step)) return;
  const expected = steps.map(formatNumber).join(' or ');
  throw new Error(
    `its spread is of step ${formatNumber(spread.step)}, the recipe ${recipe.name} spreads labels at ${expected}`,
  );
}
