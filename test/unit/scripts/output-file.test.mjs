/** Where a command writes at its end is tried at its beginning. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { prepareFolder, prepareOutput } from '../../../scripts/lib/output-file.mjs';

test('a folder is made and tried by writing, and what cannot be one is refused by name', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'output-'));
  context.after(() => rm(folder, { recursive: true }));
  await prepareFolder('dump', path.join(folder, 'a', 'b'));
  assert.deepEqual(await readdir(path.join(folder, 'a', 'b')), []);
  const file = path.join(folder, 'file');
  await writeFile(file, '');
  for (const wrong of [file, path.join(file, 'a')]) {
    await assert.rejects(
      prepareFolder('dump', wrong),
      /^UsageError: --dump .*file\S* cannot be written into \(.*\)\. Name another folder/,
    );
  }
  await prepareOutput('json', file);
  await assert.rejects(prepareOutput('json', folder), /--json .* cannot be written \(it is a folder\)/);
});
