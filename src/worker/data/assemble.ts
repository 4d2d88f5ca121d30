/**
 * Puts the four parsed files of a data set together: what size the images have and how many classes there
 * are is what the files say, once they agree. Owns every way in which they may not.
 */

import { formatNumber } from '../../protocol/wording.js';
import { DATA_LIMITS, type Dataset, type ImageSet } from './dataset.js';
import { invalidData, parseImages, parseLabels } from './idx.js';
import { outsideOf } from './outside.js';

export interface SetFiles {
  readonly imagesFile: string;
  readonly imagesBytes: Uint8Array<ArrayBuffer>;
  readonly labelsFile: string;
  readonly labelsBytes: Uint8Array<ArrayBuffer>;
}

interface Part extends SetFiles {
  readonly set: ImageSet;
  readonly imageShape: Dataset['imageShape'];
}

function readPart(files: SetFiles, which: 'train' | 'test'): Part {
  const { imagesFile, imagesBytes, labelsFile, labelsBytes } = files;
  const { count, imageShape, images } = parseImages(imagesFile, imagesBytes);
  const { count: labelCount, labels } = parseLabels(labelsFile, labelsBytes);
  if (count !== labelCount) {
    throw invalidData(
      imagesFile,
      `${formatNumber(count)} images, but ${labelsFile} has ${formatNumber(labelCount)} labels.`,
    );
  }
  const { min, max } = DATA_LIMITS[which];
  if (count < min) {
    const allowed = `${min} to ${formatNumber(max)}`;
    throw invalidData(imagesFile, `it holds ${formatNumber(count)} images; allowed are ${allowed}.`);
  }
  return { ...files, imageShape, set: { count, images, labels } };
}

function checkShapes(train: Part, test: Part): void {
  if (train.imageShape.every((size, index) => size === test.imageShape[index])) return;
  const [found, expected] = [test, train].map(({ imageShape }) => imageShape.join(' x '));
  throw invalidData(
    test.imagesFile,
    `its images are ${found}, those of ${train.imagesFile} ${expected}; both files need the same height, width and channels.`,
  );
}

/** `3`, `3 and 7`, `3, 5 and 7`. */
function listOf(numbers: readonly number[]): string {
  const last = numbers.at(-1)!;
  return numbers.length === 1 ? `${last}` : `${numbers.slice(0, -1).join(', ')} and ${last}`;
}

/** One more than the largest label of both sets. Throws where a class has no training image. */
function countClasses(train: Part, test: Part): number {
  const isTrained = new Array<boolean>(DATA_LIMITS.classes.max).fill(false);
  for (const label of train.set.labels) isTrained[label] = true;
  let largest = isTrained.lastIndexOf(true);
  for (const label of test.set.labels) largest = Math.max(largest, label);
  if (largest === 0) {
    const { min, max } = DATA_LIMITS.classes;
    throw invalidData(
      train.labelsFile,
      `all its labels are 0, and so are those of ${test.labelsFile}; allowed are ${min} to ${max} classes, labelled from 0 on.`,
    );
  }
  const classes = largest + 1;
  const missing = Array.from({ length: classes }, (_, label) => label).filter((label) => !isTrained[label]);
  if (missing.length === 0) return classes;
  throw invalidData(
    train.labelsFile,
    `no training image is labelled ${listOf(missing)}; every class from 0 to ${largest}, the largest label of both sets, needs at least one.`,
  );
}

/** The data set of two pairs of files. Throws `DataInvalid` naming a file. */
export function assembleDataset(trainFiles: SetFiles, testFiles: SetFiles): Dataset {
  const train = readPart(trainFiles, 'train');
  const test = readPart(testFiles, 'test');
  checkShapes(train, test);
  const classes = countClasses(train, test);
  return {
    imageShape: train.imageShape,
    classes,
    outside: outsideOf(train.imageShape, train.set),
    classNames: Array.from({ length: classes }, (_, label) => String(label)),
    train: train.set,
    test: test.set,
  };
}
