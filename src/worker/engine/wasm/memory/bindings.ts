/** Where everything that a program names lies in memory. */

import { sizeOf } from '../../../../recipe/layers.js';
import type { Program, TensorId } from '../../plan/operations.js';
import type { PlannedProgram } from '../../plan/plan.js';
import type { Arena } from './arena.js';
import type { Scratch } from './scratch.js';
import { Workspace, type Allocator } from './workspace.js';

/** Parameters, running statistics and moments by name, and what the draws read. */
export interface Residents {
  /** Addresses of parameters and running statistics. */
  readonly parameters: ReadonlyMap<string, number>;
  readonly moments: ReadonlyMap<string, { readonly m: number; readonly v: number }>;
  readonly trainImages: number;
  readonly trainLabels: number;
  readonly testImages: number;
  readonly testLabels: number;
  readonly testCount: number;
  /** The unlabelled pool follows it at once: a landmark is an element of both together. */
  readonly labelledPool: number;
  readonly labelledCount: number;
  readonly unlabelledPool: number;
  readonly unlabelledCount: number;
  /** Images of both, each once. */
  readonly pooledCount: number;
  readonly imageBytes: number;
  /** [height, width, channels] */
  readonly imageShape: readonly number[];
  /** 256 float32: what a byte of an image means. */
  readonly byteTable: number;
}

/** Memory that all programs of an engine take: no two of them run at a time. */
export interface ProgramMemory {
  /** For good. */
  readonly arena: Arena;
  /** For a program. */
  readonly overlay: Workspace;
  /** For a stage. */
  readonly workspace: Workspace;
  /** Of each thread. */
  readonly scratch: Scratch;
}

export function programMemory(arena: Arena, scratch: Scratch): ProgramMemory {
  return { arena, overlay: new Workspace(arena), workspace: new Workspace(arena), scratch };
}

/** Addresses of a program's tensors. */
export class Bindings {
  readonly program: Program;
  readonly arena: Arena;
  readonly residents: Residents;
  /** Memory for a run of the program. */
  readonly overlay: Allocator;
  readonly workspace: Workspace;
  readonly scratch: Scratch;
  /** Memory for what is made of parameters alone. */
  readonly forParameters: Allocator;
  readonly #tensors: readonly number[];

  /**
   * Allocates the program's tensors as the plan lays them out. Where the program `keepsParameters`, what is made of
   * parameters alone lasts until another program runs, else for its stage.
   */
  constructor(
    { program, layout }: PlannedProgram,
    { arena, overlay, workspace, scratch }: ProgramMemory,
    residents: Residents,
    keepsParameters: boolean,
  ) {
    this.program = program;
    this.arena = arena;
    this.residents = residents;
    overlay.begin();
    this.overlay = overlay;
    this.workspace = workspace;
    this.scratch = scratch;
    this.forParameters = keepsParameters ? overlay : workspace;
    const starts = layout.buffers.map(({ sizeBytes }) => overlay.allocate(sizeBytes));
    this.#tensors = layout.placements.map(({ buffer, offsetBytes }) => starts[buffer]! + offsetBytes);
  }

  tensor(id: TensorId): number {
    return this.#tensors[id]!;
  }

  /** Elements of a tensor. */
  sizeOf(id: TensorId): number {
    return sizeOf(this.program.tensors[id]!.shape);
  }

  /** Elements of a row of a tensor. */
  rowSizeOf(id: TensorId): number {
    return sizeOf(this.program.tensors[id]!.shape.slice(1));
  }

  parameter(name: string): number {
    const address = this.residents.parameters.get(name);
    if (address === undefined) throw new Error(`The plan names "${name}", which the recipe does not have.`);
    return address;
  }
}
