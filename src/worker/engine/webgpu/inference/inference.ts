/**
 * What the networks are used for beside training: counting correct test images, generating,
 * classifying, features of landmarks. Owns the programs of these and their inputs and outputs, made at their first use.
 */

import type { ImageGrid } from '../../../../protocol/reports.js';
import { outputShapeOf, sizeOf } from '../../../../recipe/layers.js';
import { entryOf, type ParameterSet } from '../../../../recipe/recipe.js';
import type { EngineInput } from '../../engine.js';
import {
  asStored,
  planClassify,
  planEvaluate,
  planFeatures,
  planGenerate,
  type PlannedProgram,
} from '../../plan/plan.js';
import type { Equipment } from '../equipment.js';
import { EVALUATION_ROWS, evaluationRows, evaluationRowsFor } from './evaluation-rows.js';
import { prepareImageGrid, type GridProgram } from './images.js';
import { CONTROL, CONTROL_WORDS, type BufferKey } from '../kernels/shader.js';
import { prepareProgram, type ReadyProgram } from '../program.js';
import { readBuffers, type ReadSource } from '../read.js';

type Values = Float32Array<ArrayBuffer>;

/** First test image and number of images of each pass of an evaluation, as in `CONTROL_WORDS`. */
const PASSES: BufferKey = 'evaluation passes';
const PASS_WORDS = 2;
/** Correct images of each pass. */
const COUNTS: BufferKey = 'evaluation counts';

interface Prepared {
  readonly program: ReadyProgram;
  readonly rows: number;
}

export class Inference {
  readonly #input: EngineInput;
  readonly #equipment: Equipment;
  /** By what they do; remade for more rows. */
  readonly #programs = new Map<string, Prepared>();
  #grid: GridProgram | null = null;
  /** What `passRows` is once the device is known to be fast. */
  #fastRows: number | null = null;

  constructor(input: EngineInput, equipment: Equipment) {
    this.#input = input;
    this.#equipment = equipment;
  }

  /** Images of one pass of an evaluation: more as soon as the device is known to be fast. */
  get passRows(): number {
    const { queue, open } = this.#equipment;
    if (open.isSoftware) return EVALUATION_ROWS;
    if (this.#fastRows !== null) return this.#fastRows;
    const rows = evaluationRowsFor(this.#input.recipe, queue.fastestStepMs);
    if (rows > EVALUATION_ROWS) this.#fastRows = rows;
    return rows;
  }

  /** See `Engine.countCorrect`. All passes go to the device in one submit. */
  async countCorrect(first: number, count: number): Promise<number> {
    const { recipe, dataset } = this.#input;
    const { device, shared } = this.#equipment;
    const asked = Math.min(this.passRows, dataset.test.count);
    const { program, rows } = await this.#prepare('evaluate', asked, () => planEvaluate(recipe, asked));
    if (!shared.buffers.has(PASSES)) {
      const most = Math.ceil(dataset.test.count / evaluationRows(dataset.test.count));
      shared.buffers.make(PASSES, most * PASS_WORDS * 4);
      shared.buffers.make(COUNTS, most * 4);
    }
    const passes = Math.ceil(count / rows);
    const words = Uint32Array.from({ length: passes * PASS_WORDS }, (_, i) => {
      const done = Math.floor(i / PASS_WORDS) * rows;
      return i % PASS_WORDS === 0 ? first + done : Math.min(rows, count - done);
    });
    device.queue.writeBuffer(shared.buffers.get(PASSES), 0, words);
    const { operations, outputs } = program.planned.program;
    const output = program.place(outputs[0]!);
    // Norms are the same in all passes: the first leaves their scales and shifts where the others find them.
    const isOnce = operations.map(({ kind }) => kind === 'normInference');
    const encoder = device.createCommandEncoder();
    for (let index = 0; index < passes; index++) {
      encoder.copyBufferToBuffer(
        shared.buffers.get(PASSES),
        index * PASS_WORDS * 4,
        shared.buffers.get(CONTROL),
        CONTROL_WORDS.firstImage * 4,
        PASS_WORDS * 4,
      );
      const pass = encoder.beginComputePass();
      for (let operation = 0; operation < operations.length; operation++) {
        if (index === 0 || !isOnce[operation]!) program.encode(pass, operation, operation + 1);
      }
      pass.end();
      encoder.copyBufferToBuffer(output.buffer, output.offsetBytes, shared.buffers.get(COUNTS), index * 4, 4);
    }
    device.queue.submit([encoder.finish()]);
    const counts = await this.#read({
      buffer: shared.buffers.get(COUNTS),
      offsetBytes: 0,
      bytes: passes * 4,
    });
    return new Uint32Array(counts).reduce((sum, correct) => sum + correct, 0);
  }

  /** See `Engine.generate`. */
  async generate(latents: Values, count: number): Promise<Values> {
    const { program } = await this.#prepareGenerator(count);
    this.#writeInput(program, latents);
    this.#submit((pass) => program.encode(pass));
    const size = this.#input.dataset.imageShape.reduce((product, length) => product * length, count);
    return new Float32Array(await this.#readOutput(program, size));
  }

  /** See `Engine.generateGrid`. */
  async generateGrid(latents: Values, count: number, columns: number): Promise<ImageGrid> {
    const { device, shared, open } = this.#equipment;
    const { program } = await this.#prepareGenerator(count);
    if (this.#grid?.isFor(program, count, columns) !== true) {
      this.#grid?.dispose();
      this.#grid = null;
      const { imageShape } = this.#input.dataset;
      this.#grid = await open.watch.guard(
        prepareImageGrid(device, shared, { program, prefix: 'generate', count, columns, imageShape }),
      );
    }
    const grid = this.#grid;
    this.#writeInput(program, latents);
    this.#submit((pass) => {
      program.encode(pass);
      grid.encode(pass);
    });
    return grid.toImageGrid(await this.#read(grid.source));
  }

  /** See `Engine.classify`. */
  async classify(images: Values, count: number): Promise<Values> {
    const { recipe } = this.#input;
    const { program } = await this.#prepare('classify', count, () => planClassify(recipe, count));
    this.#writeInput(program, images);
    this.#submit((pass) => program.encode(pass));
    const { network } = entryOf(recipe, recipe.classifier.network);
    const width = sizeOf(outputShapeOf(network));
    return new Float32Array(await this.#readOutput(program, count * width));
  }

  /** See `Engine.features`. In passes, so that any number of images takes the memory of one. */
  async features(images: Values, count: number, parameters: ParameterSet): Promise<Values> {
    const { recipe } = this.#input;
    const rows = evaluationRows(count);
    const { program } = await this.#prepare(`features ${parameters}`, rows, () =>
      planFeatures(recipe, rows, parameters),
    );
    const size = images.length / count;
    const { tensors, outputs } = program.planned.program;
    const width = sizeOf(tensors[outputs[0]!]!.shape.slice(1));
    const features = new Float32Array(count * width);
    for (let first = 0; first < count; first += rows) {
      const end = Math.min(first + rows, count);
      this.#writeInput(program, images.subarray(first * size, end * size));
      this.#submit((pass) => program.encode(pass));
      const found = await this.#readOutput(program, (end - first) * width);
      features.set(new Float32Array(found), first * width);
    }
    return features;
  }

  #prepareGenerator(count: number): Promise<Prepared> {
    const { recipe } = this.#input;
    if (recipe.generator === null)
      throw new Error(`The recipe "${recipe.name}" has no generator to take images from.`);
    return this.#prepare('generate', count, () => planGenerate(recipe, count));
  }

  /** The program `name` for at least `rows` rows; `plan` plans it for just so many. */
  async #prepare(name: string, rows: number, plan: () => PlannedProgram): Promise<Prepared> {
    const found = this.#programs.get(name);
    if (found !== undefined && found.rows >= rows) return found;
    found?.program.dispose();
    this.#programs.delete(name);
    const { device, shared, programOptions, open } = this.#equipment;
    const planned = asStored(plan(), this.#input.settings.float16);
    const preparing = prepareProgram(device, planned, shared, { prefix: name, ...programOptions });
    const prepared = { program: await open.watch.guard(preparing), rows };
    this.#programs.set(name, prepared);
    return prepared;
  }

  #writeInput(program: ReadyProgram, values: Values): void {
    const { buffer, offsetBytes } = program.place(program.planned.program.inputs[0]!);
    this.#equipment.device.queue.writeBuffer(buffer, offsetBytes, values);
  }

  #submit(encode: (pass: GPUComputePassEncoder) => void): void {
    const { device } = this.#equipment;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  /** The first `length` elements of a program's output. */
  #readOutput(program: ReadyProgram, length: number): Promise<ArrayBuffer> {
    return this.#read({ ...program.place(program.planned.program.outputs[0]!), bytes: length * 4 });
  }

  async #read(source: ReadSource): Promise<ArrayBuffer> {
    const { device, open } = this.#equipment;
    open.watch.check();
    const [values] = await open.watch.guard(readBuffers(device, [source]));
    return values!.buffer;
  }
}
