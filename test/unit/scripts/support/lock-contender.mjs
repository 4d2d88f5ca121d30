/**
 * A process that wants a lock: at each message it tries until it has had the lock once, and answers with
 * what it found. `--crash` makes it end in the middle, holding the lock, instead.
 */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { setImmediate as immediate } from 'node:timers/promises';
import { tryLock, withLock } from '../../../../scripts/lib/lock.mjs';

const [lock, witness] = process.argv.slice(2);
const TURNS_HELD = 20;

/** Whoever holds the lock writes its number into the witness: another's in there is a second holder. */
async function witnessed() {
  const before = await readFile(witness, 'utf8').catch(() => '');
  await writeFile(witness, String(process.pid));
  for (let turn = 0; turn < TURNS_HELD; turn++) await immediate();
  const after = await readFile(witness, 'utf8').catch(() => 'nobody');
  return { before, after };
}

const ORDERS = {
  async contend() {
    for (;;) {
      const { release } = await tryLock(lock);
      if (release === undefined) continue;
      const seen = await witnessed();
      await rm(witness);
      await release();
      return seen;
    }
  },
  /** Takes and gives back without end; the parent ends it at whatever point it has reached. */
  async churn() {
    for (;;) {
      const { release } = await tryLock(lock);
      if (release === undefined) continue;
      const seen = await witnessed();
      process.send({ ...seen, pid: process.pid });
      await rm(witness);
      await release();
    }
  },
  async hold() {
    const { release } = await tryLock(lock);
    process.send({ isHeld: release !== undefined });
    await new Promise(() => {});
  },
  async wait() {
    return withLock(lock, () => ({ isDone: true }));
  },
};

// Keeps the process alive while it waits for messages.
process.on('message', async (order) => {
  process.send(await ORDERS[order]().catch((error) => ({ error: error.stack })));
});
process.send('ready');
