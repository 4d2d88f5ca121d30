/**
 * Products by Toom-Cook transforms, chunk by chunk of the images: a thread transforms a chunk's input, multiplies it and
 * transforms the results to outputs before it claims the next chunk.
 */

import { claimShare, shareEnd } from '../threads/work-shares';
import {
  Image,
  OPERATION_BYTES,
  ProductOperation,
  ToomProductOperation,
  TransformOperation,
} from '../layout';
import { product } from './product';
import { transform } from './transform';

/** Threads share out the chunks. */
export function toomProduct(record: ToomProductOperation, threads: i32, scratch: usize): void {
  const images = record.images;
  const size = record.chunk;
  const chunks = (images + size - 1) / size;
  let chunk = claimShare(record, chunks, threads, 1);
  while (chunk < chunks) {
    // Steps claim shares too.
    const end = shareEnd();
    for (; chunk < end; chunk++) {
      const first = chunk * size;
      multiplyImages(record, first, min(size, images - first), scratch);
    }
    chunk = claimShare(record, chunks, threads, 1);
  }
}

function multiplyImages(record: ToomProductOperation, first: i32, images: i32, scratch: usize): void {
  const results = scratch + record.resultsOffset;
  const step = scratch + record.stepOffset;
  const toInput = changetype<TransformOperation>(copyStep(record.toInput, step));
  toInput.images = images;
  toInput.source = record.source + usize(first) * toInput.sourceImageStep;
  const imageBytes = usize(toInput.height * toInput.width * toInput.channels) << 2;
  const kept = record.kept;
  const input = kept == 0 ? scratch + record.inputOffset : kept + usize(first) * imageBytes;
  toInput.target = input;
  transform(toInput, 1, scratch);
  let from = record.products;
  for (let left = record.productCount; left > 0; left--, from += OPERATION_BYTES) {
    const multiplied = changetype<ProductOperation>(copyStep(from, step));
    multiplied.images = images;
    multiplied.windows += input;
    multiplied.out = results;
    product(multiplied, 1, scratch);
  }
  const toOutput = changetype<TransformOperation>(copyStep(record.toOutput, step));
  toOutput.images = images;
  toOutput.source = results;
  toOutput.imageTable += usize(first) * offsetof<Image>();
  transform(toOutput, 1, scratch);
}

/** A step's record as this thread's own, no share of which is claimed. */
function copyStep(record: usize, to: usize): usize {
  memory.copy(to, record, OPERATION_BYTES);
  return to;
}
