/**
 * What a step draws from the random streams: the one place that says which stream gives what, so
 * that a seed draws the same split, batches, latents and masks on every engine.
 */

import { sizeOf } from '../../recipe/layers.js';
import {
  entryOf,
  groupOf,
  type Pass,
  type Phase,
  type Recipe,
  type RowGroup,
  type StageRecipe,
} from '../../recipe/recipe.js';
import { pooledCount, type Split } from '../data/dataset.js';
import { VIEW_WORDS } from './views.js';
import { streamNumber, type RandomStreams, type StreamUse } from '../random/streams.js';

/** What one phase of one step draws, by group: either indices or latents. */
export interface GroupDraw {
  /** [rows] indices into the training set; null for latents. */
  readonly indices: Uint32Array<ArrayBuffer> | null;
  /** [rows] which landmarks they are: rows of the target store; null for other pools. */
  readonly landmarks: Uint32Array<ArrayBuffer> | null;
  /** [rows, `VIEW_WORDS`] random words of the group's view; null where it is plain. */
  readonly viewWords: Uint32Array<ArrayBuffer> | null;
  /** [rows, size] float32, uniform in [-1, 1) but for the codes of conditional ones; null for images. */
  readonly latents: Float32Array<ArrayBuffer> | null;
}

const USES: Readonly<Record<RowGroup['pool'], StreamUse>> = {
  labelled: 'labelledIndex',
  unlabelled: 'unlabelledIndex',
  landmarks: 'landmarkIndex',
  latents: 'latent',
};

/**
 * Stream of a group's indices or latents: its pool's, the phase, and which of the groups of its pool that
 * draw for themselves it is. A group that takes another's indices has the other's stream.
 */
export function groupStream(phaseIndex: number, { groups }: Phase, group: RowGroup): number {
  const drawing = groups.filter(({ pool, indicesOf }) => pool === group.pool && indicesOf === null);
  const own = drawing.findIndex(({ name }) => name === (group.indicesOf ?? group.name));
  return streamNumber(USES[group.pool], phaseIndex, own);
}

/** Stream of a group's view: row r has words r * `VIEW_WORDS` … of it. */
export function viewStream(phaseIndex: number, { groups }: Phase, group: RowGroup): number {
  return streamNumber('view', phaseIndex, groups.indexOf(group));
}

/** Stream of a noise layer; elements are counted in NHWC order within the pass. */
export function noiseStream(phaseIndex: number, pass: Pass, layerIndex: number): number {
  return streamNumber('noise', phaseIndex, pass.stream, layerIndex);
}

/** The images that a recipe keeps targets for, as indices into the training set, each once: labelled ones first. */
export function landmarksOf({ landmarks }: Recipe, split: Split): Uint32Array<ArrayBuffer> {
  const { labelled, unlabelled } = split;
  const count = Math.min(landmarks?.count ?? 0, pooledCount(split));
  const own = new Uint32Array(count);
  own.set(labelled.subarray(0, count));
  if (count > labelled.length) own.set(unlabelled.subarray(0, count - labelled.length), labelled.length);
  return own;
}

/** Stream of a dropout layer's mask; elements are counted in NHWC order within the pass. */
export function dropoutStream(phaseIndex: number, pass: Pass, layerIndex: number): number {
  return streamNumber('dropout', phaseIndex, pass.stream, layerIndex);
}

/** Elements of a row of latents: what the network takes that reads the group; 0 where none does. */
export function latentSizeOf(
  recipe: Pick<Recipe, 'name' | 'networks'>,
  phase: Phase,
  group: RowGroup,
): number {
  const reader = phase.passes.find((pass) => pass.input.kind === 'group' && groupOf(phase, pass) === group);
  return reader === undefined ? 0 : sizeOf(entryOf(recipe, reader.network).network.inputShape);
}

/** The class that a row of conditional latents is of: all of them in turn, so that each has as many rows. */
export function classOfRow(row: number, classes: number): number {
  return row % classes;
}

/** Writes each row's class, 1 at its place and 0 at the others, over the first elements of latents [rows, size]. */
export function writeClassCodes(latents: Float32Array, rows: number, classes: number): void {
  const size = latents.length / rows;
  for (let row = 0; row < rows; row++) {
    latents.fill(0, row * size, row * size + classes);
    latents[row * size + classOfRow(row, classes)] = 1;
  }
}

/** What the groups of a phase draw in the step after `step` updates, with replacement, by name. */
export function drawPhase(
  streams: RandomStreams,
  recipe: StageRecipe,
  split: Split,
  phaseIndex: number,
  step: number,
): ReadonlyMap<string, GroupDraw> {
  const phase = recipe.phases[phaseIndex]!;
  return new Map(
    phase.groups.map((group): [string, GroupDraw] => {
      const stream = groupStream(phaseIndex, phase, group);
      const { name, pool, rows, view } = group;
      if (pool === 'latents') {
        const count = rows * latentSizeOf(recipe, phase, group);
        const latents = streams.uniform(stream, step, count, -1, 1);
        if (group.isConditional === true) writeClassCodes(latents, rows, recipe.classes);
        return [name, { indices: null, landmarks: null, viewWords: null, latents }];
      }
      const from = pool === 'landmarks' ? landmarksOf(recipe, split) : split[pool];
      const drawn = streams.indices(stream, step, rows, from.length);
      const viewWords =
        view.kind === 'plain'
          ? null
          : streams.words(viewStream(phaseIndex, phase, group), step, rows * VIEW_WORDS);
      return [
        name,
        {
          indices: drawn.map((index) => from[index]!),
          landmarks: pool === 'landmarks' ? drawn : null,
          viewWords,
          latents: null,
        },
      ];
    }),
  );
}

/** The run's fixed latents [count, latentSize], whose images show it learn. float32 in [-1, 1]. */
export function sampleLatents(
  streams: RandomStreams,
  count: number,
  recipe: Pick<Recipe, 'classes' | 'generator'>,
): Float32Array<ArrayBuffer> {
  return hostLatents(streams, 'sampleLatent', count, recipe);
}

/** Latents [count, latentSize] of the images that are read at evaluations. float32 in [-1, 1]. */
export function sampleReadLatents(
  streams: RandomStreams,
  count: number,
  recipe: Pick<Recipe, 'classes' | 'generator'>,
): Float32Array<ArrayBuffer> {
  return hostLatents(streams, 'readLatent', count, recipe);
}

function hostLatents(
  streams: RandomStreams,
  use: StreamUse,
  count: number,
  { classes, generator }: Pick<Recipe, 'classes' | 'generator'>,
): Float32Array<ArrayBuffer> {
  if (generator === null) return new Float32Array(0);
  const { latentSize, isConditional = false } = generator;
  const latents = streams.uniform(streamNumber(use), 0, count * latentSize, -1, 1);
  if (isConditional) writeClassCodes(latents, count, classes);
  return latents;
}
