/** Nothing is left behind: neither by steps nor by anything else an engine does. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import { createTfjsEngine, TFJS_BACKENDS } from '../../../src/worker/engine/tfjs/index.js';
import { fewInput, fewState } from '../../support/few-recipe.js';
import { forEachBackend } from '../../worker/support/backends.js';
import { tinyInput } from '../../worker/support/tiny.js';

interface Held {
  readonly numTensors: number;
  readonly numBytes: number;
}

/** As `tf.memory()` has it, which cannot be asked while no backend is set. */
const held = (): Held => {
  const { numTensors, numBytes } = tf.engine().state;
  return { numTensors, numBytes };
};

forEachBackend(
  'memory',
  (backend) => {
    for (const recipe of ['notebook', 'notebook-as-run', 'labels-only'] as const) {
      it(`stays flat over steps, evaluation and everything else (${recipe})`, async () => {
        const before = held();
        const engine = await createTfjsEngine(backend, tinyInput(recipe));
        try {
          await engine.advance(3);
          const after3 = held();
          expect(after3.numTensors).to.be.above(before.numTensors);
          await engine.advance(5);
          expect(held()).to.deep.equal(after3);
          await engine.countCorrect(0, 20);
          await engine.classify(new Float32Array(784), 1);
          if (recipe !== 'labels-only') await engine.generate(new Float32Array(100), 1);
          await engine.inspectStep();
          await engine.importState(await engine.exportState());
          expect(held()).to.deep.equal(after3);
        } finally {
          engine.dispose();
        }
        expect(held()).to.deep.equal(before);
      });
    }

    it('stays flat in every stage of a recipe with all its parts', async function () {
      this.timeout(180_000);
      const before = held();
      const input = fewInput();
      const engine = await createTfjsEngine(backend, input);
      try {
        await engine.importState(fewState(input, 0));
        const whileIdle = held();
        // The other stages have the same parts.
        for (const stage of [0, 1]) {
          await engine.importState(fewState(input, stage));
          await engine.advance(2);
          await engine.inspectStep();
          await engine.features(new Float32Array(2 * 96), 2, 'average');
          expect(held(), `after stage ${stage}`).to.deep.equal(whileIdle);
        }
      } finally {
        engine.dispose();
      }
      expect(held()).to.deep.equal(before);
    });

    it('shows a tensor that was forgotten: the check can fail', async () => {
      const engine = await createTfjsEngine(backend, tinyInput('labels-only'));
      const before = held();
      const forgotten = tf.scalar(1);
      expect(held()).not.to.deep.equal(before);
      forgotten.dispose();
      engine.dispose();
    });
  },
  TFJS_BACKENDS,
);
