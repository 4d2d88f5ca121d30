/** What the first step of a stage works on, by the names under which the plain yardstick of the recipes for few labels finds it. */

import { layersUntil, layerShapes, sizeOf } from '../../recipe/layers.js';
import { entryOf, groupOf, hasLabels, inStage, type Pass, type Phase } from '../../recipe/recipe.js';
import { NORMALISED_BYTES } from '../data/normalise.js';
import type { Dataset } from '../data/dataset.js';
import type { Engine, EngineInput } from '../engine/engine.js';
import {
  classOfRow,
  drawPhase,
  dropoutStream,
  latentSizeOf,
  noiseStream,
  type GroupDraw,
} from '../model/draws.js';
import { TARGET_STORE, type NamedTensor } from '../model/parameters.js';
import { VIEW_GRID, VIEW_WORDS } from '../model/views.js';
import { wordToNormal, wordToUniform } from '../random/philox.js';
import { RandomStreams } from '../random/streams.js';
import type { NamedArray } from './step-inputs.js';

/** What a group or a pass of a phase is given. */
type Kind =
  | 'images'
  | 'labels'
  | 'latents'
  | 'targets'
  | 'viewUniforms'
  | 'viewAngles'
  | 'viewKnots'
  | 'mask'
  | 'noise';

/** Name of what a phase is given: `of` is a group, or a pass's layer as `<pass>/<layer>`. */
export function stageInputName(phase: number, kind: Kind, of: string): string {
  return `${kind}@${phase}/${of}`;
}

/** Words of a view's row that are taken as uniforms, and those of its knots after them. */
const UNIFORMS = 16;
const KNOTS = 2 * VIEW_GRID * VIEW_GRID;
/** The word of the angle of a row's stroke. */
const STROKE_ANGLE = 13;

function imagesOf({ train, imageShape }: Dataset, indices: Uint32Array): Omit<NamedArray, 'name'> {
  const size = sizeOf(imageShape);
  const values = new Float32Array(indices.length * size);
  indices.forEach((index, row) => {
    for (let i = 0; i < size; i++)
      values[row * size + i] = NORMALISED_BYTES[train.images[index * size + i]!]!;
  });
  return { shape: [indices.length, ...imageShape], values };
}

function viewArrays(words: Uint32Array): readonly (readonly [Kind, Omit<NamedArray, 'name'>])[] {
  const rows = words.length / VIEW_WORDS;
  const take = (first: number, count: number, of: (word: number) => number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: rows * count }, (_, i) =>
      of(words[Math.floor(i / count) * VIEW_WORDS + first + (i % count)]!),
    );
  return [
    ['viewUniforms', { shape: [rows, UNIFORMS], values: take(0, UNIFORMS, wordToUniform) }],
    ['viewAngles', { shape: [rows], values: take(STROKE_ANGLE, 1, wordToNormal) }],
    ['viewKnots', { shape: [rows, VIEW_GRID, VIEW_GRID, 2], values: take(UNIFORMS, KNOTS, wordToNormal) }],
  ];
}

/**
 * Tensors of the state but for moments, and what every phase draws, of the first step of a run in the recipe's first stage, from an
 * engine at step 0.
 */
export async function stageInputs(engine: Engine, input: EngineInput): Promise<readonly NamedArray[]> {
  const { recipe, settings, dataset, split } = input;
  const { tensors } = await engine.exportState();
  const arrays: NamedArray[] = [...tensors]
    .filter(([name]) => !name.startsWith('adam/'))
    .map(([name, tensor]) => ({ name, ...tensor }));
  const streams = new RandomStreams(settings.seed);
  const stage = inStage(recipe, 0);
  stage.phases.forEach((phase, phaseIndex) => {
    const give = (kind: Kind, of: string, array: Omit<NamedArray, 'name'>): void =>
      void arrays.push({ name: stageInputName(phaseIndex, kind, of), ...array });
    const draws = drawPhase(streams, stage, split, phaseIndex, 0);
    for (const group of phase.groups) {
      const { name, rows } = group;
      const { indices, landmarks, viewWords, latents }: GroupDraw = draws.get(name)!;
      if (indices !== null) give('images', name, imagesOf(dataset, indices));
      if (latents !== null) {
        give('latents', name, { shape: [rows, latentSizeOf(stage, phase, group)], values: latents });
      }
      if (viewWords !== null) for (const [kind, array] of viewArrays(viewWords)) give(kind, name, array);
      if (hasLabels(group)) {
        const labelOf = (row: number): number =>
          indices === null ? classOfRow(row, recipe.classes) : dataset.train.labels[indices[row]!]!;
        give('labels', name, {
          shape: [rows],
          values: Float32Array.from({ length: rows }, (_, row) => labelOf(row)),
        });
      }
      if (landmarks !== null) give('targets', name, rowsOf(tensors.get(TARGET_STORE)!, landmarks));
    }
    for (const pass of phase.passes) {
      if (pass.mode !== 'training') continue;
      for (const { kind, layer, array } of layerArrays(streams, input, phase, phaseIndex, pass))
        give(kind, `${pass.name}/${layer}`, array);
    }
  });
  return arrays;
}

function rowsOf({ shape, values }: NamedTensor, rows: Uint32Array): Omit<NamedArray, 'name'> {
  const width = shape[1]!;
  const chosen = new Float32Array(rows.length * width);
  rows.forEach((row, i) => chosen.set(values.subarray(row * width, (row + 1) * width), i * width));
  return { shape: [rows.length, width], values: chosen };
}

interface LayerArray {
  readonly kind: Kind;
  readonly layer: string;
  readonly array: Omit<NamedArray, 'name'>;
}

/** Masks and noise of a pass that trains. */
function layerArrays(
  streams: RandomStreams,
  { recipe }: EngineInput,
  phase: Phase,
  phaseIndex: number,
  pass: Pass,
): readonly LayerArray[] {
  const { network } = entryOf(recipe, pass.network);
  const { rows } = groupOf(phase, pass);
  const computed = layersUntil(network, pass.until).length;
  const arrays: LayerArray[] = [];
  for (const [index, { layer, input }] of layerShapes(network).slice(0, computed).entries()) {
    const shape = [rows, ...input];
    const values = new Float32Array(sizeOf(shape));
    if (layer.kind === 'dropout' && layer.rate > 0) {
      streams.dropoutMask(dropoutStream(phaseIndex, pass, index), 0, values.length, layer.rate, values);
      arrays.push({ kind: 'mask', layer: layer.name, array: { shape, values } });
    }
    if (layer.kind === 'gaussianNoise') {
      streams.normals(noiseStream(phaseIndex, pass, index), 0, values.length, values);
      arrays.push({ kind: 'noise', layer: layer.name, array: { shape, values } });
    }
  }
  return arrays;
}
