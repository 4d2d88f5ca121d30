/** Gradients of biases: sums over positions of a gradient, an image at a time, then over images in order. */

import { claimWhole, firstItem, itemAfter } from './threads/work-shares';
import { BiasFinishOperation, BiasPartialsOperation, Image } from './layout';
import { addPositions } from './common/sums';
import { entryAt } from './common/tables';
import { paddedBytes, storeSome, VECTOR } from './common/simd';
import { applySnippets, clearFloats } from './snippets';

/** Bytes of positions whose prologue is applied before they are added up: they stay in the L1 cache. */
const CHUNK_BYTES: usize = 8192;

/** Threads share out the images. */
export function biasPartials(record: BiasPartialsOperation, threads: i32, scratch: usize): void {
  const images = record.images;
  const channels = record.channels;
  const positions = record.positions;
  const prologue = record.prologue;
  const padded = paddedBytes(channels);
  const step = usize(channels) << 2;
  const most = max(1, i32(CHUNK_BYTES / step));
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    const entry = entryAt<Image>(record.imageTable, image);
    const partial = record.partials + usize(image) * padded;
    const source = record.source + usize(entry.sourceRow * positions) * step;
    clearFloats(partial, i32(padded >> 2));
    for (let first = 0; first < positions; first += most) {
      const count = min(most, positions - first);
      let values = source + usize(first) * step;
      if (prologue != 0) {
        const at = first * channels;
        applySnippets(
          prologue,
          values,
          step,
          scratch,
          step,
          count,
          channels,
          entry,
          at,
          channels,
          positions * channels,
        );
        values = scratch;
      }
      if (channels == 1) addNumbers(values, count, partial);
      else addPositions(values, step, count, padded, partial);
    }
  }
}

/** Adds up positions of one channel: four partial sums, then those. */
function addNumbers(values: usize, count: i32, to: usize): void {
  let sums = f32x4.splat(0);
  for (; count >= 4; count -= 4, values += VECTOR) sums = f32x4.add(sums, v128.load(values));
  let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1);
  sum += f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
  for (; count > 0; count--, values += 4) sum += load<f32>(values);
  store<f32>(to, load<f32>(to) + sum);
}

/** Four channels at a time; the last vector's padding is not stored. */
export function biasFinish(record: BiasFinishOperation): void {
  if (!claimWhole(record)) return;
  const images = record.images;
  const channels = record.channels;
  const step = record.partialStep;
  for (let first = 0; first < channels; first += 4) {
    const offset = usize(first) << 2;
    let partial = record.partials + offset;
    let sum = f32x4.splat(0);
    for (let image = 0; image < images; image++, partial += step) sum = f32x4.add(sum, v128.load(partial));
    storeSome(record.target + offset, sum, channels - first);
  }
}
