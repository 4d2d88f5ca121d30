/** What naga says is handed on: a stand-in of that name says it here. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { checkWithNaga, nagaVersion } from '../../../scripts/lib/naga.mjs';
import { parseWgslOptions } from '../../../scripts/lib/wgsl-options.mjs';

/** Refuses files named bad, cannot write HLSL of files named odd, writes everything else. */
const STAND_IN = `#!/bin/sh
for last; do :; done
[ "$last" = --version ] && echo 30.0.1 && exit 0
case "$last" in
  *bad.wgsl) echo "error: expected ';'" >&2; exit 1 ;;
  *odd.hlsl) echo "error: no such thing" >&2; exit 1 ;;
  *.wgsl) exit 0 ;;
  *) echo done > "$last" ;;
esac
`;

async function inFolder(context, work) {
  const folder = await mkdtemp(path.join(tmpdir(), 'naga-'));
  const { PATH } = process.env;
  context.after(async () => {
    process.env.PATH = PATH;
    await rm(folder, { recursive: true });
  });
  return work(folder, PATH);
}

test(
  'each text is validated and translated, and what goes wrong is told by text',
  { skip: process.platform === 'win32' && 'there is no sh' },
  (context) =>
    inFolder(context, async (folder, PATH) => {
      await writeFile(path.join(folder, 'naga'), STAND_IN, { mode: 0o755 });
      process.env.PATH = `${folder}${path.delimiter}${PATH}`;
      assert.equal(await nagaVersion(), '30.0.1');
      const files = ['good', 'bad', 'odd'].map((name) => path.join(folder, `${name}.wgsl`));
      await Promise.all(files.map((file) => writeFile(file, '')));
      const problems = await checkWithNaga(files, folder);
      assert.deepEqual([...problems].map(([file, words]) => [path.basename(file), words]).sort(), [
        ['bad.wgsl', ["is not valid: error: expected ';'"]],
        ['odd.wgsl', ['does not translate to HLSL: error: no such thing']],
      ]);
      const made = (await readdir(folder)).filter((name) => /^good\.(?!wgsl)/.test(name)).sort();
      assert.deepEqual(made, ['good.comp', 'good.hlsl', 'good.metal', 'good.spv']);
      await writeFile(path.join(folder, 'half.wgsl'), 'enable f16;\n');
      assert.equal((await checkWithNaga([path.join(folder, 'half.wgsl')], folder)).size, 0);
      const halves = (await readdir(folder)).filter((name) => /^half\.(?!wgsl)/.test(name)).sort();
      assert.deepEqual(halves, ['half.hlsl', 'half.metal', 'half.spv']);
    }),
);

test('where there is no naga it is said to be missing', (context) =>
  inFolder(context, async (folder) => {
    process.env.PATH = folder;
    assert.equal(await nagaVersion(), null);
  }));

test(
  'a naga that is there and does not work is told in words',
  { skip: process.platform === 'win32' && 'there is no sh' },
  (context) =>
    inFolder(context, async (folder, PATH) => {
      process.env.PATH = `${folder}${path.delimiter}${PATH}`;
      await writeFile(path.join(folder, 'naga'), '#!/bin/sh\necho "no libc" >&2\nexit 1\n', { mode: 0o755 });
      await assert.rejects(
        nagaVersion(),
        /^UsageError: The naga on PATH does not tell its version \(no libc\)/,
      );
    }),
);

test('recipes are taken by name, and an unknown one is refused', () => {
  assert.deepEqual(parseWgslOptions(['--recipe', 'labels-only,labels-only'], {}).recipes, ['labels-only']);
  assert.throws(() => parseWgslOptions(['--recipe', 'gan'], {}), /--recipe is "gan"; allowed are /);
  assert.equal(parseWgslOptions(['--help'], {}), null);
});
