/** From features and a few labels to targets: neighbours, graph, spreading, how far it is to be trusted, and a map. */

import { featureMap } from './feature-map.js';
import { graphOf, type Graph } from './graph.js';
import type { Iterations } from './iterations.js';
import { readRow, spreadLabels, type Labels } from './labels.js';
import { leaveOneOut } from './leave-one-out.js';
import type { SpreadKernels } from './kernels.js';
import type { Neighbours, UnitRows } from './neighbours.js';
import type { Slices } from './slices.js';
import { targetsOf } from './targets.js';
import { trustOf, type Trust } from './trust.js';
import { readUnitRows, type ReadFeatures } from './unit-rows.js';

/** Neighbours of a landmark. */
const NEAREST = 12;

export interface SpreadInput {
  readonly landmarks: number;
  readonly classes: number;
  /** Classes of the first landmarks; the others' are not known. */
  readonly labels: Labels;
  /** Floats of a landmark's features. */
  readonly size: number;
  readonly features: ReadFeatures;
  readonly kernels: SpreadKernels;
  readonly slices: Slices;
  /**
   * Share of the landmarks that may have a target; 1 unless given. Features that were trained on the labels give back
   * every label that is left out, so they prove nothing: then no more than had one before.
   */
  readonly mostShare?: number;
  /** Told what has begun. */
  readonly report?: (part: SpreadPart) => void;
}

export type SpreadPart = 'features' | 'neighbours' | 'labels' | 'leaveOneOut' | 'map';

export interface SpreadOutcome extends Trust {
  /** [landmarks, classes]: a row's class is 1, or all are 0. */
  readonly targets: Float32Array<ArrayBuffer>;
  /** Share of the landmarks that have a target. */
  readonly usedShare: number;
  /** Share of the landmarks that a label has reached. */
  readonly reachedShare: number;
  /** Share of pairs of neighbours that the spread labels give one class. */
  readonly agreement: number;
  /** [landmarks] Class by the spread labels, trusted or not; 255 where no label has reached. */
  readonly spreadClasses: Uint8Array<ArrayBuffer>;
  /** [landmarks, 2] in [-1, 1]: two principal directions of the features. */
  readonly map: Float32Array<ArrayBuffer>;
}

/** Stands for no class in `spreadClasses`. */
export const UNREACHED = 255;

function classesOf(spread: Float64Array, classes: number, labels: Labels): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: spread.length / classes }, (_, row) => {
    if (row < labels.length) return labels[row]!;
    const own = readRow(spread, row * classes, classes).class;
    return own === -1 ? UNREACHED : own;
  });
}

function agreementOf({ count, nearest, indices }: Neighbours, classes: Uint8Array): number {
  let alike = 0;
  for (let at = 0; at < count * nearest; at++) {
    if (classes[Math.floor(at / nearest)] === classes[indices[at]!]) alike++;
  }
  return count * nearest === 0 ? 0 : alike / (count * nearest);
}

/** What every spreading begins with. */
interface Prepared {
  readonly labels: Labels;
  readonly rows: UnitRows;
  readonly neighbours: Neighbours;
  readonly graph: Graph;
}

async function prepare(input: SpreadInput): Promise<Prepared> {
  const { landmarks, size, features, kernels, slices, report = () => {} } = input;
  if (landmarks === 0) throw new Error('There is no landmark to spread labels to.');
  // Where there are more labels than landmarks, all landmarks are labelled.
  const labels = Array.from(input.labels).slice(0, landmarks);
  report('features');
  const rows = await readUnitRows(features, landmarks, size, slices);
  report('neighbours');
  const neighbours = await kernels.findNeighbours(rows, NEAREST, slices);
  report('labels');
  const graph = graphOf(neighbours);
  await slices.pause();
  return { labels, rows, neighbours, graph };
}

/** Calls `use` with iterations over the graph, which are given back after it. */
async function withIterations<T>(
  graph: Graph,
  { kernels }: SpreadInput,
  use: (iterations: Iterations) => Promise<T>,
): Promise<T> {
  const iterations = await kernels.startIterations(graph);
  try {
    return await use(iterations);
  } finally {
    iterations.dispose();
  }
}

/** Spreads the labels for a picture alone, without asking how far they are to be trusted. Rejects as `spread` does. */
export async function mapSpread(input: SpreadInput): Promise<Pick<SpreadOutcome, 'map' | 'spreadClasses'>> {
  const { classes, slices } = input;
  const { labels, rows, graph } = await prepare(input);
  const values = await withIterations(graph, input, (iterations) =>
    spreadLabels(iterations, labels, classes, slices),
  );
  return { spreadClasses: classesOf(values, classes, labels), map: await featureMap(rows, slices) };
}

/** Spreads the labels. Rejects with the reason of the slices' signal where it is given up. */
export async function spread(input: SpreadInput): Promise<SpreadOutcome> {
  const { landmarks, classes, slices, mostShare = 1, report = () => {} } = input;
  const { labels, rows, neighbours, graph } = await prepare(input);
  const { values, leftOut } = await withIterations(graph, input, async (iterations) => {
    const all = await spreadLabels(iterations, labels, classes, slices);
    report('leaveOneOut');
    return { values: all, leftOut: await leaveOneOut(iterations, labels, classes, all, slices) };
  });
  const spreadClasses = classesOf(values, classes, labels);
  const agreement = agreementOf(neighbours, spreadClasses);
  const trust = trustOf(leftOut, agreement);
  const most = mostShare < 1 ? Math.round(mostShare * landmarks) : Infinity;
  const { values: targets, used, leastMargin } = targetsOf(values, classes, labels, trust, most);
  report('map');
  const map = await featureMap(rows, slices);
  return {
    ...trust,
    kind: used === 0 ? 'none' : leastMargin > trust.leastMargin ? 'surest' : trust.kind,
    leastMargin,
    targets,
    usedShare: used / landmarks,
    reachedShare: spreadClasses.filter((own) => own !== UNREACHED).length / landmarks,
    agreement,
    spreadClasses,
    map,
  };
}
