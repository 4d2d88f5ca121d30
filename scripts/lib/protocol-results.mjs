/** What a protocol has come to: its draws, their mean, deviation and worst, and which images were labelled. */

import os from 'node:os';
import path from 'node:path';
import { finishedRows } from './finished-rows.mjs';
import { UsageError } from './main.mjs';
import { replaceFile } from './run-folder.mjs';
import { importSource } from './source-modules.mjs';
import { mean, standardDeviation } from './sweep-results.mjs';
import { checkSettings } from './train-options.mjs';

const { makeSplit } = await importSource('src/worker/data/split.ts');

export const PROTOCOL = 'protocol.json';

/** Of protocol.json; another number is another form. */
export const VERSION = 1;

/**
 * The summary of finished draws: `accuracies` of `images` images each. The error is that of the mean accuracy as a
 * share of so many images; it says nothing of the draws.
 */
export function summarise(accuracies, images) {
  if (accuracies.length === 0) return { mean: null, deviation: null, worst: null, binomialError: null };
  const middle = mean(accuracies);
  return {
    mean: middle,
    deviation: standardDeviation(accuracies),
    worst: Math.min(...accuracies),
    binomialError: Math.sqrt((middle * (1 - middle)) / images),
  };
}

/**
 * Which training images each draw labels, by seed, as the worker draws them. That throws a UsageError where there are not so
 * many.
 */
export function labelledBy(labels, classes, settings) {
  const train = { count: labels.length, labels, images: new Uint8Array(0) };
  const dataset = { imageShape: [28, 28, 1], classes, classNames: [], train, test: train };
  return (seed) => {
    try {
      return [...makeSplit(dataset, { ...settings, seed }).labelled];
    } catch (error) {
      if (error.kind !== 'InvalidSettings') throw error;
      throw new UsageError(error.message, { cause: error });
    }
  };
}

/** What a finished run says of its machine; undefined stands where there is none. */
export function machineOf(row) {
  const { engine, adapter, browser, node } = row ?? {};
  const [cpu] = os.cpus();
  return { engine, adapter, browser, node, cpu: cpu?.model, cores: os.availableParallelism() };
}

/**
 * What a protocol is of, from its plan and what `readLabels` read: `recipe`, `labels`, complete `settings`, `data`,
 * `evaluatedOn`, and `labelled(seed)`, the images that a draw labels.
 */
export function describeProtocol(plan, labelsOf) {
  const given = { ...plan.settings, recipe: plan.recipe, labels: plan.labels };
  const { data, validation } = plan.data;
  const classes = 1 + labelsOf.train.reduce((largest, label) => Math.max(largest, label), 0);
  const { recipe, labels, ...settings } = checkSettings(given);
  // Each draw has a seed of its own.
  delete settings.seed;
  const evaluatedOn = validation === undefined ? 'test' : `the last ${validation} training images`;
  return {
    recipe,
    labels,
    settings,
    data,
    evaluatedOn,
    labelled: labelledBy(labelsOf.train, classes, given),
  };
}

/** A protocol as its file has it. */
export function protocolText(protocol) {
  const text = JSON.stringify(protocol, null, 2).replaceAll(
    // A list of numbers on a line.
    /\[\s+(\d+(?:,\s+\d+)*)\s+\]/g,
    (_, numbers) => `[${numbers.split(/,\s+/).join(', ')}]`,
  );
  return `${text}\n`;
}

/**
 * Writes protocol.json of what `describeProtocol` said, the sweep's rows and the draws that were taken over, but for those that
 * were made here too; its accuracies are of `images` images. Resolves with what it holds.
 */
export async function writeProtocol(out, { labelled, ...described }, rows, taken, images) {
  const finished = finishedRows(rows);
  const own = finished.map(({ seed, testAccuracy, step, elapsedMs, node }) => ({
    draw: seed,
    accuracy: testAccuracy,
    steps: step,
    seconds: Math.round(elapsedMs / 100) / 10,
    node,
    labelled: labelled(seed),
  }));
  const others = taken.filter(({ draw }) => !own.some((made) => made.draw === draw));
  const draws = [...others, ...own].sort((a, b) => a.draw - b.draw);
  const result = {
    version: VERSION,
    ...described,
    machine: finished.length === 0 ? taken[0]?.machine : machineOf(finished[0]),
    draws,
    ...summarise(
      draws.map(({ accuracy }) => accuracy),
      images,
    ),
  };
  await replaceFile(path.join(out, PROTOCOL), protocolText(result));
  return result;
}
