/**
 * Which training images are labelled: drawn from the run's seed, and the check that the data has
 * as many labelled images as the settings ask for.
 */

import { SETTING_RANGES, type Settings } from '../../protocol/settings.js';
import type { Dataset, Split } from './dataset.js';
import { RandomStreams, streamNumber } from '../random/streams.js';
import { invalidSetting } from '../../protocol/check-settings.js';
import { formatNumber } from '../../protocol/wording.js';

/** Throws `InvalidSettings` where the data set cannot give `settings.labels` labelled images. */
export function checkLabels(
  { train, classes }: Dataset,
  { labels, balanced }: Pick<Settings, 'labels' | 'balanced'>,
): void {
  const { min } = SETTING_RANGES.labels;
  if (labels > train.count) {
    const most = formatNumber(train.count);
    throw invalidSetting(
      'labels',
      labels,
      `whole numbers from ${min} to ${most}, the images of the training set`,
    );
  }
  if (!balanced) return;
  const counts = new Array<number>(classes).fill(0);
  for (const label of train.labels) counts[label]!++;
  const fewest = Math.min(...counts);
  if (labels > fewest * classes) {
    const rarest = counts.indexOf(fewest);
    throw invalidSetting(
      'labels',
      labels,
      `whole numbers from ${min} to ${formatNumber(fewest * classes)} with "balanced", since the training set ` +
        `has only ${formatNumber(fewest)} images of class ${rarest}`,
    );
  }
}

/**
 * The first `labels` images of the seed's permutation of the training set; the rest, in the
 * permutation's order, are unlabelled (all of them where everything is labelled).
 *
 * `balanced` takes, in the permutation's order, floor(labels / classes) images of each class; the
 * remainder goes, one each, to the classes that the permutation shows first.
 * Throws `InvalidSettings` where the data set has too few images.
 */
export function makeSplit(dataset: Dataset, settings: Pick<Settings, 'seed' | 'labels' | 'balanced'>): Split {
  checkLabels(dataset, settings);
  const { train, classes } = dataset;
  const { seed, labels, balanced } = settings;
  const order = new RandomStreams(seed).permutation(streamNumber('split'), 0, train.count);
  if (labels === train.count) return { labelled: order, unlabelled: order };
  if (!balanced) return { labelled: order.slice(0, labels), unlabelled: order.slice(labels) };

  const quota = new Array<number>(classes).fill(Math.floor(labels / classes));
  let remainder = labels % classes;
  const isSeen = new Array<boolean>(classes).fill(false);
  const labelled: number[] = [];
  const unlabelled: number[] = [];
  for (const index of order) {
    const label = train.labels[index]!;
    if (!isSeen[label] && remainder > 0) {
      quota[label]!++;
      remainder--;
    }
    isSeen[label] = true;
    if (quota[label]! > 0) {
      quota[label]!--;
      labelled.push(index);
    } else {
      unlabelled.push(index);
    }
  }
  return { labelled: Uint32Array.from(labelled), unlabelled: Uint32Array.from(unlabelled) };
}
