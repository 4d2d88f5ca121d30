/** What each operation reads and writes: the base of the memory layout, of the checks and of `npm run plan`. */

import type { LossOpTerm, Operation, Program, Snippet, Tap, TensorId, View } from './operations.js';

export interface Accesses {
  readonly reads: ReadonlySet<TensorId>;
  readonly writes: ReadonlySet<TensorId>;
  /** Parameters and running statistics, by name. */
  readonly parameterReads: ReadonlySet<string>;
  readonly parameterWrites: ReadonlySet<string>;
}

class Collector implements Accesses {
  readonly reads = new Set<TensorId>();
  readonly writes = new Set<TensorId>();
  readonly parameterReads = new Set<string>();
  readonly parameterWrites = new Set<string>();

  read(...ids: readonly (TensorId | null)[]): void {
    for (const id of ids) if (id !== null) this.reads.add(id);
  }

  write(...ids: readonly (TensorId | null)[]): void {
    for (const id of ids) if (id !== null) this.writes.add(id);
  }

  parameters(...names: readonly string[]): void {
    for (const name of names) this.parameterReads.add(name);
  }

  changes(...names: readonly string[]): void {
    for (const name of names) this.parameterWrites.add(name);
  }

  view({ tensor, prologue }: View): void {
    this.read(tensor);
    this.snippets(prologue);
  }

  term(term: LossOpTerm): void {
    switch (term.kind) {
      case 'featureMatching':
        this.read(term.features, term.against);
        break;
      case 'contrastive':
        this.read(term.statistics);
        break;
      case 'softmaxCrossEntropy':
        this.read(term.logits, term.labels);
        break;
      case 'pseudoLabelCrossEntropy':
        this.read(term.logits, term.teacher?.logits ?? null, term.store?.targets ?? null);
        break;
      case 'sigmoidCrossEntropy':
      case 'logsumexpCrossEntropy':
      case 'confidentShare':
        this.read(term.logits);
        break;
      default:
        term satisfies never;
    }
  }

  snippets(snippets: readonly Snippet[]): void {
    for (const snippet of snippets) {
      switch (snippet.kind) {
        case 'affine':
          this.read(snippet.statistics);
          break;
        case 'bias':
          this.parameters(...snippet.parameters);
          break;
        case 'activation':
          break;
        case 'mask':
          this.read(snippet.bits);
          break;
        case 'normGradient':
          this.read(snippet.raw, snippet.coefficients);
          break;
        case 'activationGradient':
          this.read(snippet.at);
          this.snippets(snippet.prologue);
          break;
        case 'noise':
          this.read(snippet.values);
          break;
        case 'segmentVector':
          this.read(snippet.vectors);
          break;
        default:
          snippet satisfies never;
      }
    }
  }
}

/** Tensors and parameters an operation touches. Adam's moments go with their parameters. */
export function accessesOf(operation: Operation): Accesses {
  const found = new Collector();
  switch (operation.kind) {
    case 'initialise':
      found.changes(...operation.entries.map(({ parameter }) => parameter));
      break;
    case 'draw':
      found.write(...operation.parts.map(({ target }) => target));
      found.parameters(...operation.parts.flatMap((part) => (part.kind === 'targets' ? [part.store] : [])));
      break;
    case 'product':
      found.view(operation.source);
      found.parameters(...operation.segments.map(({ instance }) => operation.kernels[instance]!));
      found.snippets(operation.epilogue);
      found.write(operation.target);
      break;
    case 'filterGradient':
      found.view(operation.large);
      found.view(operation.small);
      found.write(operation.target, operation.bias);
      break;
    case 'biasGradient':
      found.view(operation.source);
      found.write(operation.target);
      break;
    case 'normStatistics': {
      const { gamma, beta, movingMean, movingVariance } = operation.norm;
      found.read(operation.source);
      found.parameters(gamma, beta);
      if (operation.updatesRunning) found.parameters(movingMean, movingVariance);
      if (operation.updatesRunning) found.changes(movingMean, movingVariance);
      found.write(operation.target);
      if (operation.applied !== null) {
        // The affine at its begin is the one that the operation has just computed.
        found.snippets(operation.applied.epilogue.slice(1));
        found.write(operation.applied.target);
      }
      break;
    }
    case 'normInference': {
      const { gamma, beta, movingMean, movingVariance } = operation.norm;
      found.parameters(gamma, beta, movingMean, movingVariance);
      found.write(operation.target);
      break;
    }
    case 'normGradient':
      found.read(operation.source, operation.raw, operation.statistics);
      found.parameters(operation.norm.gamma);
      found.write(operation.coefficients, operation.gradient, operation.applied);
      break;
    case 'groupNorm':
      found.read(operation.source);
      found.parameters(operation.norm.gamma, operation.norm.beta);
      found.snippets(operation.epilogue);
      found.write(operation.statistics, operation.target);
      break;
    case 'groupNormGradient':
      found.read(operation.source, operation.raw, operation.statistics);
      found.parameters(operation.norm.gamma);
      found.write(operation.target, operation.gradient);
      break;
    case 'contrastive':
      found.read(operation.embeddings);
      found.write(operation.statistics);
      break;
    case 'contrastiveGradient':
      found.read(operation.embeddings, operation.statistics);
      if (operation.weight.kind === 'scalar') found.read(operation.scalars);
      found.write(operation.target);
      break;
    case 'loss':
      found.read(
        operation.head?.logits ?? null,
        operation.accuracy?.logits ?? null,
        operation.accuracy?.labels ?? null,
      );
      for (const term of operation.terms) found.term(term);
      found.write(
        operation.head?.logitGradient ?? null,
        operation.featureGradient?.target ?? null,
        operation.metrics,
      );
      if (operation.isFirst) found.write(operation.scalars);
      break;
    case 'update': {
      const names = operation.entries.map(({ parameter }) => parameter);
      found.read(operation.scalars, ...operation.entries.map(({ gradient }) => gradient));
      const averages = operation.entries.flatMap(({ average }) => average?.parameter ?? []);
      found.parameters(...names, ...averages);
      found.changes(...names, ...averages);
      break;
    }
    case 'countCorrect':
      found.read(operation.logits, operation.labels);
      found.write(operation.target);
      break;
    default:
      operation satisfies never;
  }
  return found;
}

/** The operations of each stage, in order. */
export function stagesOf(operations: readonly Operation[]): readonly (readonly Operation[])[] {
  const stages: Operation[][] = [];
  for (const operation of operations) (stages[operation.stage] ??= []).push(operation);
  return stages;
}

/** Which taps can be read after which operation, by its index: those whose last element it has written. */
export function tapsAfter({ operations, taps }: Program): ReadonlyMap<number, readonly Tap[]> {
  const writes = operations.map((operation) => accessesOf(operation).writes);
  const after = new Map<number, Tap[]>();
  for (const tap of taps) {
    const last = writes.findLastIndex((written) => written.has(tap.tensor));
    after.set(last, [...(after.get(last) ?? []), tap]);
  }
  return after;
}
