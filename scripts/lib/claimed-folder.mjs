/** The folder of a run as one process' own: made, tried by writing, locked, and given back. */

import { existsSync, statSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makeFolders } from '../../bin/lib/make-folders.mjs';
import { describeOwner, ForeignLockError, tryLock } from './lock.mjs';
import { UsageError } from './main.mjs';
import { LOCK } from './run-folder.mjs';

async function inWords(name, work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ForeignLockError) {
      throw new UsageError(
        `The folder ${name} holds ${LOCK}, the name of a run's lock, but no command wrote that one, so it is not ` +
          'overwritten. Move it away, or name another folder, by --out.',
        { cause: error },
      );
    }
    throw new UsageError(
      `The folder ${name} cannot be written to (${error.message}). Name one that can, by --out.`,
      { cause: error },
    );
  }
}

/** Removes `folder` and the folders above it, up to `first`, as far as they are empty. */
async function removeMade(folder, first) {
  for (let made = folder; made.startsWith(first); made = path.dirname(made)) {
    const isRemoved = await rmdir(made).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}

function refuse(name, lock, owner) {
  const advice =
    owner.host === os.hostname() ? '' : ` If that process is gone, remove ${lock} and try again.`;
  return new UsageError(
    `The folder ${name} is taken: ${describeOwner(owner)} has a run in it. Wait for its end or stop it, ` +
      `or name another folder, by --out.${advice}`,
  );
}

/**
 * Makes the folder where there is none and takes its lock, which shows that it can be written to. `name`
 * is the folder as the person has it. Returns `release`, which gives it back, and takes the folder away
 * where it was made here and is still empty. Throws a UsageError where another process has it, it
 * cannot be written to, or a file that is no lock lies in the lock's place.
 */
export async function claimFolder({ out, name }) {
  if (existsSync(out) && !statSync(out).isDirectory()) {
    throw new UsageError(`--out ${name} is a file; name a folder.`);
  }
  const first = await inWords(name, () => makeFolders(out));
  const lock = path.join(out, LOCK);
  const { owner, release } = await inWords(name, () => tryLock(lock));
  if (owner !== undefined) throw refuse(name, lock, owner);
  return async () => {
    await release();
    if (first !== undefined) await removeMade(out, first);
  };
}
