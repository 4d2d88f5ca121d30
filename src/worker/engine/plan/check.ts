/**
 * What must hold of any program and its memory, checked from the operations alone whenever one is planned. No
 * engine has to trust the lowering; tests corrupt plans to see that they are refused.
 */

import { averageName, parametersOf, type ParameterDescription } from '../../model/parameters.js';
import { layersUntil, sizeOf } from '../../../recipe/layers.js';
import { entryOf, type StageRecipe } from '../../../recipe/recipe.js';
import { accessesOf, stagesOf } from './accesses.js';
import { halfActivations } from './half-activations.js';
import { ALIGNMENT, elementBytesOf, lifetimesOf, tensorBytes, type MemoryLayout } from './memory.js';
import type { LossOpTerm, Operation, OpSegment, Program, Snippet, TensorId, View } from './operations.js';

/** Storage buffers that one dispatch may bind: WebGPU's default limit. */
export const MOST_BINDINGS = 8;

/** Buffers beside the layout's own: parameters, running statistics, the data set, … */
function parameterBuffers(operation: Operation): number {
  switch (operation.kind) {
    case 'product':
      return 1; // parameters
    case 'normStatistics':
    case 'normInference':
      return 2; // parameters, running statistics
    case 'normGradient':
      return 1; // parameters
    case 'update':
      return 3; // parameters and both moments
    case 'draw':
      // The data set and the step counter; the target store.
      return operation.parts.some(({ kind }) => kind === 'targets') ? 3 : 2;
    case 'groupNorm':
    case 'groupNormGradient':
      return 1; // parameters
    case 'loss':
      return 1; // the control buffer
    case 'initialise':
      return 2;
    case 'filterGradient':
    case 'biasGradient':
    case 'contrastive':
    case 'contrastiveGradient':
    case 'countCorrect':
      return 0;
    default:
      return operation satisfies never;
  }
}

/** Throws, naming the operation, where a program breaks a rule. */
export function checkProgram(program: Program): void {
  const halves = halfActivations(program);
  for (const { id, type } of program.tensors) {
    if (type === 'f16' && !halves.has(id))
      throw new Error(`${nameOf(program, id)} is float16, but not all who touch it can take it so.`);
  }
  const written = new Set<TensorId>(program.inputs);
  for (const operations of stagesOf(program.operations)) {
    const stageWrites = new Set<TensorId>();
    const accesses = operations.map((operation) => ({ operation, ...accessesOf(operation) }));
    for (const { operation, writes } of accesses) {
      for (const id of writes) {
        if (stageWrites.has(id))
          throw new Error(`"${operation.name}" writes ${nameOf(program, id)}, as its stage does already.`);
        stageWrites.add(id);
      }
    }
    for (const { operation, reads } of accesses) {
      for (const id of reads) {
        if (stageWrites.has(id))
          throw new Error(`"${operation.name}" reads ${nameOf(program, id)}, which its stage writes.`);
        if (!written.has(id))
          throw new Error(`"${operation.name}" reads ${nameOf(program, id)} before it is written.`);
      }
      checkBounds(program, operation);
    }
    for (const id of stageWrites) written.add(id);
  }
  for (const id of program.outputs) {
    if (!written.has(id)) throw new Error(`The output ${nameOf(program, id)} is never written.`);
  }
}

/** Whether a phase trains a parameter: one of a network that it updates, of a layer that its passes reach. */
function trainedBy(recipe: StageRecipe, phase: number): (parameter: ParameterDescription) => boolean {
  const { updates, passes } = recipe.phases[phase]!;
  const networks = updates.flatMap((update) => update.networks);
  const layers = new Map(
    networks.map((name): [string, ReadonlySet<string>] => {
      const { network } = entryOf(recipe, name);
      const { until } = passes.find((pass) => pass.gradient && pass.network === name)!;
      return [name, new Set(layersUntil(network, until).map((layer) => layer.name))];
    }),
  );
  return ({ network, layer, role }) => role === 'trained' && layers.get(network)?.has(layer) === true;
}

/**
 * Every trained parameter is updated once by each phase that trains its network, from gradients of its
 * size, and its average once a step; nothing else is.
 */
export function checkUpdates(program: Program, recipe: StageRecipe): void {
  const updates = program.operations.filter((operation) => operation.kind === 'update');
  const moved = new Set<string>();
  const trained = new Set<string>();
  updates.forEach(({ entries, optimisers }, phase) => {
    const isTrained = trainedBy(recipe, phase);
    const left = new Map(
      parametersOf(recipe)
        .filter(isTrained)
        .map((parameter) => [parameter.name, parameter]),
    );
    for (const name of left.keys()) trained.add(name);
    for (const entry of entries) {
      const parameter = left.get(entry.parameter);
      if (parameter === undefined)
        throw new Error(
          `"${entry.parameter}" is updated twice in a phase, or is no parameter that it trains.`,
        );
      const available = sizeOf(program.tensors[entry.gradient]!.shape);
      const end = (entry.firstSplit + entry.splits - 1) * entry.stride + entry.offset + entry.size;
      if (entry.size !== sizeOf(parameter.shape) || entry.splits < 1 || end > available) {
        throw new Error(`"${entry.parameter}" is updated from partial sums that are not of its size.`);
      }
      if (optimisers[entry.optimiser]?.name !== parameter.network)
        throw new Error(`"${entry.parameter}" is updated by the optimiser of another network.`);
      if (entry.average !== null) {
        if (entry.average.parameter !== averageName(entry.parameter) || moved.has(entry.parameter))
          throw new Error(`The average of "${entry.parameter}" is moved twice in a step, or is another's.`);
        moved.add(entry.parameter);
      }
      left.delete(entry.parameter);
    }
    const [name] = left.keys();
    if (name !== undefined) throw new Error(`"${name}" is trained, but not updated.`);
  });
  for (const { name, isAveraged } of parametersOf(recipe)) {
    if ((isAveraged && trained.has(name)) !== moved.has(name))
      throw new Error(`The average of "${name}" is never moved.`);
  }
}

/** Tensors fit their buffers and never overlap while they live, offsets are aligned, and no stage reads a buffer it writes. */
export function checkMemory(program: Program, layout: MemoryLayout): void {
  const lifetimes = lifetimesOf(program);
  for (const tensor of program.tensors) {
    const { id } = tensor;
    const place = layout.placements[id]!;
    if (elementBytesOf(tensor) !== layout.buffers[place.buffer]!.elementBytes)
      throw new Error(`${nameOf(program, id)} lies in a buffer of elements of another size.`);
    if (tensorBytes(tensor) > place.sizeBytes)
      throw new Error(`${nameOf(program, id)} has less room than it takes.`);
    if (place.offsetBytes % ALIGNMENT !== 0)
      throw new Error(`${nameOf(program, id)} lies at ${place.offsetBytes}, not a multiple of ${ALIGNMENT}.`);
    if (place.offsetBytes + place.sizeBytes > layout.buffers[place.buffer]!.sizeBytes) {
      throw new Error(`${nameOf(program, id)} goes past the end of its buffer.`);
    }
    for (let other = 0; other < id; other++) {
      const its = layout.placements[other]!;
      const apart =
        its.buffer !== place.buffer ||
        its.offsetBytes + its.sizeBytes <= place.offsetBytes ||
        place.offsetBytes + place.sizeBytes <= its.offsetBytes;
      const mine = lifetimes[id]!;
      const theirs = lifetimes[other]!;
      if (!apart && mine.first <= theirs.last && theirs.first <= mine.last) {
        throw new Error(`${nameOf(program, id)} and ${nameOf(program, other)} overlap while both live.`);
      }
    }
  }
  for (const operations of stagesOf(program.operations)) {
    const accesses = operations.map(accessesOf);
    const buffersOf = (ids: Iterable<TensorId>): Set<number> =>
      new Set([...ids].map((id) => layout.placements[id]!.buffer));
    const read = buffersOf(accesses.flatMap(({ reads }) => [...reads]));
    const written = buffersOf(accesses.flatMap(({ writes }) => [...writes]));
    for (const buffer of written) {
      if (read.has(buffer))
        throw new Error(
          `The stage of "${operations[0]!.name}" reads and writes "${layout.buffers[buffer]!.name}".`,
        );
    }
  }
  for (const operation of program.operations) {
    const bindings = bindingsOf(operation, layout);
    if (bindings > MOST_BINDINGS)
      throw new Error(`"${operation.name}" binds ${bindings} buffers, at most ${MOST_BINDINGS} are allowed.`);
  }
}

/** Storage buffers that an operation binds. */
export function bindingsOf(operation: Operation, layout: MemoryLayout): number {
  const { reads, writes } = accessesOf(operation);
  const own = new Set([...reads, ...writes].map((id) => layout.placements[id]!.buffer));
  return own.size + parameterBuffers(operation);
}

function nameOf(program: Program, id: TensorId): string {
  return `"${program.tensors[id]?.name ?? id}"`;
}

function checkRows(program: Program, operation: Operation, id: TensorId, first: number, rows: number): void {
  const available = program.tensors[id]!.shape[0]!;
  if (first >= 0 && rows > 0 && first + rows <= available) return;
  throw new Error(
    `"${operation.name}" takes rows ${first} to ${first + rows - 1} of ${nameOf(program, id)}, which has ${available}.`,
  );
}

function checkView(program: Program, operation: Operation, view: View, segments: readonly OpSegment[]): void {
  for (const { forwardRow, gradientRow, rows } of segments) {
    checkRows(program, operation, view.tensor, view.rows === 'forward' ? forwardRow : gradientRow, rows);
  }
  checkSnippets(program, operation, view.prologue, segments);
}

function checkSnippets(
  program: Program,
  operation: Operation,
  snippets: readonly Snippet[],
  segments: readonly OpSegment[],
): void {
  for (const snippet of snippets) {
    for (const segment of segments) {
      if (snippet.kind === 'affine')
        checkRows(program, operation, snippet.statistics, segment.forwardSegment, 1);
      if (snippet.kind === 'noise')
        checkRows(program, operation, snippet.values, segment.forwardRow, segment.rows);
      if (snippet.kind === 'segmentVector')
        checkRows(program, operation, snippet.vectors, segment.gradientSegment, 1);
      if (snippet.kind === 'activationGradient')
        checkRows(program, operation, snippet.at, segment.forwardRow, segment.rows);
      if (snippet.kind !== 'normGradient') continue;
      checkRows(program, operation, snippet.raw, segment.forwardRow, segment.rows);
      checkRows(program, operation, snippet.coefficients, segment.gradientSegment, 1);
    }
  }
}

function checkTermRows(program: Program, operation: Operation, term: LossOpTerm): void {
  const check = (id: TensorId, first: number, rows: number): void =>
    checkRows(program, operation, id, first, rows);
  switch (term.kind) {
    case 'featureMatching':
      check(term.features, term.forwardRow, term.rows);
      check(term.against, term.againstRow, term.againstRows);
      return;
    case 'contrastive':
      check(term.statistics, 0, term.rows);
      return;
    case 'softmaxCrossEntropy':
      check(term.labels, term.labelRow, term.rows);
      break;
    case 'pseudoLabelCrossEntropy':
      if (term.teacher !== null) check(term.teacher.logits, term.teacher.forwardRow, term.rows);
      if (term.store !== null) check(term.store.targets, term.store.targetRow, term.rows);
      break;
    case 'sigmoidCrossEntropy':
    case 'logsumexpCrossEntropy':
    case 'confidentShare':
      break;
    default:
      term satisfies never;
  }
  check(term.logits, term.forwardRow, term.rows);
}

/** No operation reaches past the rows of a tensor, and no row of a product's target is left out. */
function checkBounds(program: Program, operation: Operation): void {
  switch (operation.kind) {
    case 'product':
      checkView(program, operation, operation.source, operation.segments);
      checkSnippets(program, operation, operation.epilogue, operation.segments);
      for (const { targetRow, rows } of operation.segments)
        checkRows(program, operation, operation.target, targetRow, rows);
      break;
    case 'filterGradient':
      checkView(program, operation, operation.large, operation.splits);
      checkView(program, operation, operation.small, operation.splits);
      for (const { split } of operation.splits) {
        checkRows(program, operation, operation.target, split, 1);
        if (operation.bias !== null) checkRows(program, operation, operation.bias, split, 1);
      }
      break;
    case 'biasGradient':
      checkView(program, operation, operation.source, operation.splits);
      for (const { split } of operation.splits) checkRows(program, operation, operation.target, split, 1);
      break;
    case 'normStatistics':
      for (const { forwardRow, rows } of operation.segments) {
        checkRows(program, operation, operation.source, forwardRow, rows);
        if (operation.applied !== null)
          checkRows(program, operation, operation.applied.target, forwardRow, rows);
      }
      break;
    case 'normGradient':
      for (const { forwardRow, gradientRow, rows } of operation.segments) {
        checkRows(program, operation, operation.raw, forwardRow, rows);
        checkRows(program, operation, operation.source, gradientRow, rows);
        if (operation.applied !== null) checkRows(program, operation, operation.applied, gradientRow, rows);
      }
      break;
    case 'draw':
      for (const part of operation.parts) {
        if (part.kind === 'noise' || part.kind === 'mask') continue;
        if (part.kind !== 'labels' || part.rows > 0)
          checkRows(program, operation, part.target, part.targetRow, part.rows);
      }
      break;
    case 'loss':
      for (const term of operation.terms) checkTermRows(program, operation, term);
      for (const { gradientRow, forwardRow, rows } of operation.head?.segments ?? []) {
        checkRows(program, operation, operation.head!.logits, forwardRow, rows);
        checkRows(program, operation, operation.head!.logitGradient, gradientRow, rows);
      }
      break;
    case 'groupNorm':
      checkSnippets(program, operation, operation.epilogue, operation.segments);
      for (const { forwardRow, rows } of operation.segments) {
        for (const id of [operation.source, operation.statistics, operation.target])
          checkRows(program, operation, id, forwardRow, rows);
      }
      break;
    case 'groupNormGradient':
      for (const { forwardRow, gradientRow, rows } of [...operation.segments, ...operation.splits]) {
        for (const id of [operation.raw, operation.statistics])
          checkRows(program, operation, id, forwardRow, rows);
        for (const id of [operation.source, operation.target])
          checkRows(program, operation, id, gradientRow, rows);
      }
      for (const { split } of operation.splits) {
        if (operation.gradient !== null) checkRows(program, operation, operation.gradient, split, 1);
      }
      break;
    case 'contrastive':
    case 'contrastiveGradient':
      for (const row of operation.forwardRows)
        checkRows(program, operation, operation.embeddings, row, operation.rows);
      checkRows(program, operation, operation.statistics, 0, 2 * operation.rows);
      if (operation.kind === 'contrastive') break;
      for (const row of operation.gradientRows.flat())
        checkRows(program, operation, operation.target, row, operation.rows);
      break;
    case 'update':
    case 'normInference':
    case 'countCorrect':
    case 'initialise':
      break;
    default:
      operation satisfies never;
  }
}
