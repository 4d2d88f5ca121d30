/** Reading a record: its words as integers, addresses and float32. */

import { IMAGE_WORDS } from './words';


@inline
export function int(record: usize, word: i32): i32 {
  return load<i32>(record + (usize(word) << 2));
}


@inline
export function address(record: usize, word: i32): usize {
  return usize(load<u32>(record + (usize(word) << 2)));
}


@inline
export function float(record: usize, word: i32): f32 {
  return load<f32>(record + (usize(word) << 2));
}

/** Entry of an image in an operation's table. */
@inline
export function imageEntry(table: usize, image: i32): usize {
  return table + usize(image) * (IMAGE_WORDS << 2);
}

/** Address number `index` of a table of them. */
@inline
export function addressAt(table: usize, index: usize): usize {
  return usize(load<u32>(table + (index << 2)));
}
