/** Whether a generator's images can be read: what a classifier, the run's own or another, makes of a thousand of them. */

import type { GeneratedReading } from '../../protocol/reports.js';
import { sampleReadLatents } from '../model/draws.js';
import { RandomStreams } from '../random/streams.js';
import type { Engine, EngineInput } from '../engine/engine.js';

const IMAGES = 1000;
/** Images between two looks at the commands. */
const SLICE = 100;
/** Read are images whose class has a probability above this. */
const READ_FROM = 0.9;

/** Collects images and their logits slice by slice. Changes nothing in the engine. */
export class Reading {
  readonly #classes: number;
  readonly #latentSize: number;
  readonly #latents: Float32Array<ArrayBuffer>;
  #next = 0;
  #read = 0;
  readonly #counts: number[];
  /** Of pixels over the images of a slice, summed over slices. */
  #deviations = 0;

  /** null where the recipe has no generator. */
  static of({ recipe, settings }: Pick<EngineInput, 'recipe' | 'settings'>): Reading | null {
    if (recipe.generator === null) return null;
    const latents = sampleReadLatents(new RandomStreams(settings.seed), IMAGES, recipe);
    return new Reading(recipe.classes, recipe.generator.latentSize, latents);
  }

  constructor(classes: number, latentSize: number, latents: Float32Array<ArrayBuffer>) {
    this.#classes = classes;
    this.#latentSize = latentSize;
    this.#latents = latents;
    this.#counts = new Array<number>(classes).fill(0);
  }

  /** Whether one was begun and is not over. */
  get isUnderWay(): boolean {
    return this.#next > 0;
  }

  /** Forgets the one under way. */
  giveUp(): void {
    this.#next = 0;
    this.#read = 0;
    this.#deviations = 0;
    this.#counts.fill(0);
  }

  /** Looks at one slice. Resolves with what all have come to, with null before that. */
  async goOn(engine: Pick<Engine, 'generate' | 'classify'>): Promise<GeneratedReading | null> {
    const first = this.#next * this.#latentSize;
    const latents = this.#latents.slice(first, first + SLICE * this.#latentSize);
    const images = await engine.generate(latents, SLICE);
    this.#take(images, await engine.classify(images, SLICE));
    this.#next += SLICE;
    if (this.#next < IMAGES) return null;
    const reading = {
      readShare: this.#read / IMAGES,
      classBits: entropyBits(this.#counts),
      pixelDeviation: this.#deviations / (IMAGES / SLICE),
    };
    this.giveUp();
    return reading;
  }

  #take(images: Float32Array, logits: Float32Array): void {
    const width = logits.length / SLICE;
    for (let row = 0; row < SLICE; row++) {
      const own = logits.subarray(row * width, (row + 1) * width);
      const largest = Math.max(...own);
      const named = own.indexOf(largest);
      // Where a column beside the classes means "fake", an image of it is none that can be read.
      if (named >= this.#classes) continue;
      this.#counts[named]!++;
      const sum = own.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      if (1 / sum > READ_FROM) this.#read++;
    }
    this.#deviations += pixelDeviation(images, SLICE);
  }
}

/** Entropy of counts in bits; 0 where there are none. */
function entropyBits(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count) => {
    const share = count / total;
    return count === 0 ? sum : sum - share * Math.log2(share);
  }, 0);
}

/** Mean over pixels of the standard deviation over images of [count, size] in [-1, 1]. */
export function pixelDeviation(images: Float32Array, count: number): number {
  const size = images.length / count;
  let deviations = 0;
  for (let pixel = 0; pixel < size; pixel++) {
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < count; row++) {
      const value = images[row * size + pixel]!;
      sum += value;
      squares += value * value;
    }
    deviations += Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
  }
  return deviations / size;
}
