/** The shape of the source: every arrow of .dependency-cruiser.mjs is held, in the wasm kernels too. */

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cruise } from 'dependency-cruiser';
import { ESLint } from 'eslint';
import config from '../../.dependency-cruiser.mjs';

/** Names of the rules that the imports of a folder's `src` break, each with the import. */
async function violationsIn(baseDir) {
  const { output } = await cruise(['src'], { ...config.options, baseDir, validate: true, ruleSet: config });
  return output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

/** An import that each room must not have. */
const FORBIDDEN = [
  ['recipe', 'src/recipe/layers.ts', '../protocol/settings.js'],
  ['protocol', 'src/protocol/wording.ts', '../worker/random/philox.js'],
  ['browser', 'src/browser/feature.ts', '../protocol/wording.js'],
  ['ui', 'src/ui/words/format.ts', '../../worker/random/philox.js'],
  ['ui', 'src/ui/words/time-left.ts', '@tensorflow/tfjs-core'],
  ['random', 'src/worker/random/philox.ts', '../data/normalise.js'],
  ['data', 'src/worker/data/normalise.ts', '../model/parameters.js'],
  ['model', 'src/worker/model/draws.ts', '../engine/engine.js'],
  ['spread', 'src/worker/spread/graph.ts', '../model/draws.js'],
  ['engine contract', 'src/worker/engine/engine.ts', './plan/operations.js'],
  ['device', 'src/worker/engine/device/platform.ts', '../plan/operations.js'],
  ['plan', 'src/worker/engine/plan/geometry.ts', '../webgpu/scalar-window.js'],
  ['tfjs', 'src/worker/engine/tfjs/tape.ts', '../plan/operations.js'],
  ['webgpu', 'src/worker/engine/webgpu/scalar-window.ts', '../wasm/features.js'],
  ['wasm', 'src/worker/engine/wasm/features.ts', '../webgpu/scalar-window.js'],
  ['wasm kernels', 'src/worker/engine/wasm/kernels/common/simd.ts', '../../features'],
  ['choice of engines', 'src/worker/engine/choose-engine.ts', '../run/pace.js'],
  ['checkpoint', 'src/worker/checkpoint/safetensors.ts', '../run/pace.js'],
  ['run', 'src/worker/run/pace.ts', '../commands/yield.js'],
  ['benchmark', 'src/worker/benchmark/turns.ts', '../run/pace.js'],
  ['run', 'src/worker/run/replay.ts', '../benchmark/turns.js'],
  ['commands', 'src/worker/commands/yield.ts', 'lit'],
];

let copy;
before(async () => {
  copy = await mkdtemp(path.join(os.tmpdir(), 'arrows-'));
  await cp('src', path.join(copy, 'src'), { recursive: true });
  await cp('tsconfig.json', path.join(copy, 'tsconfig.json'));
  await cp('tsconfig.base.json', path.join(copy, 'tsconfig.base.json'));
  await symlink(path.resolve('node_modules'), path.join(copy, 'node_modules'));
});
after(() => rm(copy, { recursive: true, force: true }));

test('no import of src runs up, in a circle, or to nowhere', async () => {
  assert.deepEqual(await violationsIn(process.cwd()), []);
});

test('an import against the arrows is found in every room, of a type as well', async () => {
  const changes = new Map();
  for (const [, file, specifier] of FORBIDDEN) {
    const text = changes.get(file) ?? (await readFile(path.join(copy, file), 'utf8'));
    changes.set(file, `import type {} from '${specifier}';\n${text}`);
  }
  // Two files of one room that import each other, without an extension.
  const [normalise, idx] = ['src/worker/data/split.ts', 'src/worker/data/dataset.ts'];
  changes.set(idx, `import type {} from './split';\n${await readFile(path.join(copy, idx), 'utf8')}`);
  changes.set(
    normalise,
    `import type {} from './dataset';\n${await readFile(path.join(copy, normalise), 'utf8')}`,
  );
  changes.set('src/stray.ts', "import './recipe/layers.js';\n");
  for (const [file, text] of changes) await writeFile(path.join(copy, file), text);
  const found = await violationsIn(copy);
  for (const [room, file, specifier] of FORBIDDEN) {
    const target = specifier.startsWith('.')
      ? path.join(path.dirname(file), specifier).replace(/(\.js)?$/, '.ts')
      : `node_modules/${specifier}/`;
    const start = `${room} imports only what lies below it: ${file} -> `;
    const isFound = (violation) => violation.startsWith(start) && violation.includes(target);
    assert.ok(found.some(isFound), `${start}${target}\nfound:\n${found.join('\n')}`);
  }
  assert.ok(found.some((violation) => violation.startsWith('no circles: src/worker/data/')));
  assert.ok(found.some((violation) => violation.startsWith('every file belongs to a room: src/stray.ts')));
});

test('lint refuses what a worker has not, and default exports', async () => {
  const eslint = new ESLint();
  const forbidden = {
    'src/worker/engine/image-grid.ts': ['export const title = document.title;', /There is none in a worker/],
    'src/ui/words/strings.ts': ['export default 1;', /no default exports/],
  };
  for (const [filePath, [code, expected]] of Object.entries(forbidden)) {
    const [{ messages }] = await eslint.lintText(`${code}\n`, { filePath });
    assert.ok(
      messages.some(({ message }) => expected.test(message)),
      `${filePath}: ${code}`,
    );
  }
});
