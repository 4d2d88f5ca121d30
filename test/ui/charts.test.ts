/** The charts' axes: what their labels say is where they stand. */

import { expect } from '@open-wc/testing';
import { ChartsView } from '../../src/ui/charts/charts-view.js';
import { loadPlot } from '../../src/ui/charts/load-plot.js';
import { RunModel } from '../../src/ui/element/run-model.js';
import { makeSpeech } from '../../src/ui/words/words.js';
import { completeSettings } from '../../src/protocol/check-settings.js';
import type { RunReport } from '../../src/protocol/reports.js';
import { until } from './support/mount.js';

const RUN: RunReport = {
  type: 'run',
  metrics: ['trainAccuracy', 'discriminatorLoss', 'generatorLoss'],
  losses: ['discriminatorLoss', 'generatorLoss'],
  stages: [],
  data: { imageShape: [28, 28, 1], classNames: [], trainCount: 1, fingerprint: 'none', testCount: 1 },
};

/** A run of so many steps whose losses are `loss`, evaluated along the way. */
function runOf(steps: number, loss: number): RunModel {
  const settings = completeSettings({ recipe: 'notebook', steps });
  const model = new RunModel();
  model.take({ type: 'state', state: 'loading', step: 0, error: null });
  model.take({ type: 'settings', settings, scheduleSteps: steps });
  model.take(RUN);
  for (let step = 1; step <= steps; step += Math.max(1, Math.floor(steps / 7))) {
    const values = new Float32Array(RUN.metrics.length).fill(loss);
    model.take({ type: 'metrics', firstStep: step, steps: 1, values, stepsPerSecond: 1 });
    const testAccuracy = 0.94 - 0.75 * Math.exp(-step / 300);
    const losses = { discriminatorLoss: loss, generatorLoss: loss };
    const shares = { trainAccuracy: 1, meanTrainAccuracy: 1, testAccuracy };
    model.take({
      type: 'evaluation',
      step,
      ...shares,
      losses,
      generated: null,
      pseudoLabels: null,
      elapsedMs: step,
    });
  }
  return model;
}

/** The labels of every axis that charts of this width draw, as numbers. */
async function labelsOf(model: RunModel, steps: number, width: number): Promise<number[][]> {
  const host = document.createElement('div');
  const root = host.attachShadow({ mode: 'open' });
  for (const id of ['accuracy-chart', 'loss-chart']) {
    const plot = document.createElement('div');
    plot.id = id;
    plot.style.cssText = `width: ${width}px; height: 176px`;
    root.append(plot);
  }
  document.body.append(host);
  const speech = makeSpeech(null);
  let axes: { readonly kind: string; readonly labels: number[] }[] = [];
  // Accuracies, steps, losses: of two axes that follow one another, one has steps.
  const record = (kind: string, label: string): string => {
    if (axes.at(-1)?.kind !== kind) axes.push({ kind, labels: [] });
    axes.at(-1)!.labels.push(Number(label.replaceAll(',', '')));
    return label;
  };
  const formats = {
    count: (value: number) => record('steps', speech.formats.count(value)),
    plain: (value: number) => record('values', speech.formats.plain(value)),
  } as typeof speech.formats;
  const source = () => ({ model, baseline: [], steps, speech: { ...speech, formats } });
  const view = new ChartsView(await loadPlot(), root, source, () => undefined);
  // Both charts are drawn without data first, at the end of this task; in a frame, with what there is.
  await Promise.resolve();
  axes = [];
  await until(() => axes.length > 0);
  view.destroy();
  host.remove();
  return axes.map(({ labels }) => labels);
}

describe('the labels of the axes', () => {
  it('are as far from one another as their numbers, in short runs and long ones, narrow and wide', async () => {
    let seen = 0;
    for (const steps of [1, 3, 10, 15, 40, 2000]) {
      for (const width of [260, 420, 900]) {
        for (const loss of [0.004, 3, 61]) {
          for (const labels of await labelsOf(runOf(steps, loss), steps, width)) {
            const gaps = labels.slice(1).map((label, i) => label - labels[i]!);
            const isEven = gaps.every((gap) => Math.abs(gap - gaps[0]!) < 1e-9 * Math.abs(labels.at(-1)!));
            expect(isEven, `${steps} steps, ${width} px: ${labels.join(', ')}`).to.equal(true);
            seen += gaps.length;
          }
        }
      }
    }
    expect(seen).to.be.greaterThan(300);
  });
});
