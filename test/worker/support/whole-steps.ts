/** Whole steps of the webgpu engine beside the plan's interpreter. */

import { expect } from '@open-wc/testing';
import { metricNames } from '../../../src/recipe/metrics.js';
import { inStage } from '../../../src/recipe/recipe.js';
import type { RecipeName } from '../../../src/recipe/recipes.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { expectClose } from './compare.js';
import { hashed, tinyInput } from './tiny.js';
import { withWebGpu } from './webgpu-engine.js';

function onlyMoved(recipe: RecipeName, name: string): boolean {
  return recipe !== 'notebook-as-run' || !name.startsWith('updated/');
}

/** Two steps, an evaluation, a classification and a generation of a recipe with few channels. */
export async function checkWholeSteps(recipe: RecipeName, batch: number): Promise<void> {
  const input = tinyInput(recipe, { batch });
  const isNoise = exactZerosOf(input.recipe);
  const tolerance = (name: string): number => (isNoise(name) ? 1e-5 : 1e-4);
  const reference = createInterpreter(input, { precision: 'float64' });
  await withWebGpu(input, async (engine) => {
    for (let step = 0; step < 2; step++) {
      const expected = new Map(
        [...(await reference.inspectStep())].filter(([name]) => onlyMoved(recipe, name)),
      );
      const inspected = await engine.inspectStep();
      expectClose(inspected, expected, tolerance, isNoise);
      for (const name of expected.keys()) {
        // What is drawn is drawn bit for bit.
        if (!/^(labelled|unlabelled|generated)\/input$/.test(name)) continue;
        expect([...inspected.get(name)!.values], name).to.deep.equal([...expected.get(name)!.values]);
      }
      const [metrics] = [...(await engine.advance(1)), ...(await engine.flush())];
      const [wanted] = await reference.advance(1);
      expect(metrics!.step).to.equal(step + 1);
      const names = metricNames(inStage(input.recipe, 0));
      expect(metrics!.values.length).to.equal(names.length);
      names.forEach((name, index) => {
        expect(metrics!.values[index], name).to.be.closeTo(wanted!.values[index]!, 1e-4);
      });
    }
    // From one state: biases that only rounding moves differ, and evaluation shows it in one recipe.
    await reference.importState(await engine.exportState());
    expect(await engine.countCorrect(0, 100)).to.equal(await reference.countCorrect(0, 100));
    expect(await engine.countCorrect(93, 7)).to.equal(await reference.countCorrect(93, 7));
    const images = Float32Array.from({ length: 3 * 784 }, (_, i) => hashed(i, 3));
    const logits = await engine.classify(images, 3);
    const expectedLogits = await reference.classify(images, 3);
    logits.forEach((value, i) => expect(value).to.be.closeTo(expectedLogits[i]!, 1e-3));
    if (recipe === 'labels-only') return;
    const latents = Float32Array.from({ length: 5 * 100 }, (_, i) => hashed(i, 5));
    const made = await engine.generate(latents, 5);
    const expectedImages = await reference.generate(latents, 5);
    expect(made.length).to.equal(5 * 784);
    made.forEach((value, i) => expect(value).to.be.closeTo(expectedImages[i]!, 1e-3));
  });
}
