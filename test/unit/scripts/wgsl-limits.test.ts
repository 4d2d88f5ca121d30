/** The check of WGSL texts: what it reads off a text, and that it finds what goes beyond WebGPU's defaults. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandsOf, excessesOf, greatestOf } from '../../../bench/wgsl-check/limits.js';

const SOUND = `@group(0) @binding(0) var<storage, read> input_f32: array<f32, 100>;
@group(0) @binding(1) var<storage, read_write> output_vec4f: array<vec4f, 8>;
var<workgroup> staged: array<vec4f, 64>;
var<workgroup> total: f32;
@compute @workgroup_size(8, 4)
fn main(@builtin(local_invocation_index) thread: u32) { var sum = 0f; }`;

test('threads, workgroup memory and buffers are read off a text', () => {
  assert.deepEqual(demandsOf(SOUND), {
    threads: 32,
    threadsX: 8,
    threadsY: 4,
    threadsZ: 1,
    workgroupBytes: 64 * 16 + 4,
    storageBuffers: 2,
    bindingBytes: 400,
  });
  assert.deepEqual(excessesOf(SOUND), []);
});

for (const [what, from, to, words] of [
  ['too many threads', '@workgroup_size(8, 4)', '@workgroup_size(32, 16)', /threads is 512, by default 256/],
  [
    'too deep a workgroup',
    '@workgroup_size(8, 4)',
    '@workgroup_size(1, 1, 65)',
    /threadsZ is 65, by default 64/,
  ],
  [
    'too much workgroup memory',
    'array<vec4f, 64>',
    'array<vec4f, 1024>',
    /workgroupBytes is 16388, by default 16384/,
  ],
  [
    'too large a buffer',
    'array<f32, 100>',
    'array<f32, 33554433>',
    /bindingBytes is 134217732, by default 134217728/,
  ],
  ['an extension', '@group(0) @binding(0)', 'enable f16;\n@group(0) @binding(0)', /it says "enable f16"/],
] as const) {
  test(`${what} is found`, () => {
    const excesses = excessesOf(SOUND.replace(from, to));
    assert.equal(excesses.length, 1);
    assert.match(excesses[0]!, words);
  });
}

test('an extension that a text may have is none too many, others are', () => {
  const text = `enable subgroups;\n${SOUND}`;
  assert.deepEqual(excessesOf(text, ['subgroups']), []);
  assert.deepEqual(excessesOf(text, ['f16']), ['it says "enable subgroups"']);
});

test('too many storage buffers are found', () => {
  const more = Array.from(
    { length: 7 },
    (_, index) => `@group(0) @binding(${index + 2}) var<storage, read> more_${index}: array<u32, 1>;`,
  );
  assert.deepEqual(excessesOf([...more, SOUND].join('\n')), ['storageBuffers is 9, by default 8 at most']);
});

test('a text that cannot be read is refused, not passed', () => {
  assert.throws(
    () => demandsOf(SOUND.replace('@workgroup_size(8, 4)', '@workgroup_size(threads)')),
    /has 0 workgroup sizes/,
  );
  assert.throws(
    () => demandsOf(SOUND.replace('vec4f, 64', 'mat4x4f, 64')),
    /size of the type "mat4x4f" is not known/,
  );
});

test('the greatest of each demand is that of any text', () => {
  const other = SOUND.replace('@workgroup_size(8, 4)', '@workgroup_size(2, 64)');
  const { threadsX, threadsY } = greatestOf([demandsOf(SOUND), demandsOf(other)]);
  assert.deepEqual([threadsX, threadsY], [8, 64]);
});
