/** Folders are made, or it is said why not; nothing waits. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { makeFolders, missingFolders } from '../../../bin/lib/make-folders.mjs';
import { claimFolder } from '../../../scripts/lib/claimed-folder.mjs';
import { prepareOutput } from '../../../scripts/lib/output-file.mjs';

test('what is missing is made, and the first of it told', async (context) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'folders-'));
  context.after(() => rm(folder, { recursive: true }));
  const deep = path.join(folder, 'a', 'b', 'c');
  assert.equal(await makeFolders(deep), path.join(folder, 'a'));
  assert.equal((await stat(deep)).isDirectory(), true);
  assert.equal(await makeFolders(deep), undefined);
  await Promise.all([1, 2, 3].map(() => makeFolders(path.join(folder, 'd', 'e'))));
  await writeFile(path.join(folder, 'file'), '');
  await assert.rejects(makeFolders(path.join(folder, 'file', 'a')), /ENOTDIR/);
  await symlink(path.join(folder, 'nowhere'), path.join(folder, 'link'));
  await assert.rejects(makeFolders(path.join(folder, 'link')), /EEXIST/);
  await mkdir(path.join(folder, 'nowhere'));
  assert.equal(await makeFolders(path.join(folder, 'link')), undefined);
});

test('a root that is not there is told, and ends the search', () => {
  const { dirname } = path.win32;
  const drive = { dirname, exists: (file) => file === 'C:\\' };
  assert.deepEqual(missingFolders('C:\\runs\\a', drive), ['C:\\runs', 'C:\\runs\\a']);
  assert.throws(() => missingFolders('Z:\\runs\\a', drive), {
    message: 'ENOENT: there is no Z:\\',
    syscall: 'mkdir',
  });
});

test(
  'a file system that takes no folders is told at once',
  { skip: !existsSync('/proc/self') && 'there is no /proc' },
  async () => {
    await assert.rejects(makeFolders('/proc/run/a'), /ENOENT/);
    await assert.rejects(
      claimFolder({ out: '/proc/run', name: '/proc/run' }),
      /^UsageError: The folder \/proc\/run cannot be written to \(ENOENT/,
    );
    await assert.rejects(prepareOutput('json', '/proc/run/a.json'), /--json .* cannot be written \(ENOENT/);
  },
);
