/** Whether files are as they were, without a look into them. */

import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { forgetStamps, hasSameStamps, keepStamps, readStamps } from '../../../scripts/lib/file-stamps.mjs';

const CHANGES = {
  'another size': ({ inFolder }) => appendFile(inFolder('sources', 'deep', 'a.ts'), 'more'),
  'another time': ({ inFolder }) => utimes(inFolder('sources', 'deep', 'a.ts'), 1, 1),
  'a file more': ({ inFolder }) => writeFile(inFolder('sources', 'b.ts'), ''),
  'a file less': ({ inFolder }) => rm(inFolder('sources', 'deep', 'a.ts')),
  'no folder': ({ inFolder }) => rm(inFolder('sources'), { recursive: true }),
  'another file beside it': ({ inFolder }) => appendFile(inFolder('settings.json'), ' '),
  'a file that was missing': ({ inFolder }) => writeFile(inFolder('missing.json'), ''),
  'an account that is cut off': ({ kept }) => writeFile(kept, '{"paths":'),
  'an account of something else': ({ kept }) => writeFile(kept, '{}'),
  'an account that counts no more': ({ kept }) => forgetStamps(kept),
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`files are as they were until there is ${what}`, async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'stamps-'));
    context.after(() => rm(folder, { recursive: true }));
    const inFolder = (...parts) => path.join(folder, ...parts);
    const kept = inFolder('kept.json');
    await mkdir(inFolder('sources', 'deep'), { recursive: true });
    await writeFile(inFolder('sources', 'deep', 'a.ts'), 'text');
    await writeFile(inFolder('settings.json'), '{}');
    assert.equal(await hasSameStamps(kept), false);
    const paths = ['sources', 'settings.json', 'missing.json'].map((name) => inFolder(name));
    await keepStamps(kept, paths, await readStamps(paths));
    assert.equal(await hasSameStamps(kept), true);
    await change({ inFolder, kept });
    assert.equal(await hasSameStamps(kept), false);
  });
}
