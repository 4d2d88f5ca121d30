/** Entries of tables in memory. */

/** Entry number `index` of a table of `T`. */
@inline
export function entryAt<T>(table: usize, index: i32): T {
  return changetype<T>(table + usize(index) * offsetof<T>());
}

/** Address number `index` of a table of them. */
@inline
export function addressAt(table: usize, index: usize): usize {
  return usize(load<u32>(table + (index << 2)));
}

/** Word number `index` of a list of them. */
@inline
export function wordAt(list: usize, index: i32): i32 {
  return load<i32>(list + (usize(index) << 2));
}
