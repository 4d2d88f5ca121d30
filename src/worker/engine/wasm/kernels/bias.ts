/** Gradients of biases: sums over positions of a gradient, an image at a time, then over images in order. */

import { claim, firstItem, itemAfter } from './claims';
import {
  BIAS_CHANNELS,
  BIAS_IMAGES,
  BIAS_PARTIALS_POINTER,
  BIAS_POSITIONS,
  BIAS_SNIPPETS,
  BIAS_SOURCE,
  BIAS_TABLE,
  BIAS_TARGET,
  IMAGE_SOURCE_ROW,
} from './layout';
import { address, imageEntry, int } from './record';
import { applySnippets } from './snippets';
import { VECTOR } from './simd';

/** Images are dealt out to the threads. */
export function biasPartials(record: usize, threads: i32, scratch: usize): void {
  const images = int(record, BIAS_IMAGES);
  const channels = int(record, BIAS_CHANNELS);
  const positions = int(record, BIAS_POSITIONS);
  const snippets = address(record, BIAS_SNIPPETS);
  const padded = usize((channels + 3) & ~3) << 2;
  const positionBytes = usize(channels) << 2;
  for (let image = firstItem(record, images, threads); image < images; image = itemAfter(record, image, images, threads)) {
    const entry = imageEntry(address(record, BIAS_TABLE), image);
    const partial = address(record, BIAS_PARTIALS_POINTER) + usize(image) * padded;
    let source = address(record, BIAS_SOURCE) + usize(int(entry, IMAGE_SOURCE_ROW) * positions) * positionBytes;
    memory.fill(partial, 0, padded);
    for (let position = 0; position < positions; position++) {
      let values = source;
      if (snippets != 0) {
        const at = position * channels;
        applySnippets(snippets, source, 0, scratch, 0, 1, channels, entry, at, channels, positions * channels);
        values = scratch;
      }
      for (let offset: usize = 0; offset < padded; offset += VECTOR) {
        v128.store(partial + offset, f32x4.add(v128.load(partial + offset), v128.load(values + offset)));
      }
      source += positionBytes;
    }
  }
}

export function biasFinish(record: usize): void {
  if (claim(record) > 0) return;
  const images = int(record, BIAS_IMAGES);
  const channels = int(record, BIAS_CHANNELS);
  const padded = usize((channels + 3) & ~3) << 2;
  for (let channel = 0; channel < channels; channel++) {
    let sum: f32 = 0;
    let partial = address(record, BIAS_PARTIALS_POINTER) + (usize(channel) << 2);
    for (let image = 0; image < images; image++, partial += padded) sum += load<f32>(partial);
    store<f32>(address(record, BIAS_TARGET) + (usize(channel) << 2), sum);
  }
}
