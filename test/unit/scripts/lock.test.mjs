/** The lock between processes: one holder at a time, whoever dies when, and no silent wait. */

import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { tryLock, withLock } from '../../../scripts/lib/lock.mjs';
import { hasEnded, startOf } from '../../../scripts/lib/processes.mjs';
import { inRoot } from '../../../scripts/lib/paths.mjs';

const CONTENDER = inRoot('test', 'unit', 'scripts', 'support', 'lock-contender.mjs');
const PROCESSES = 6;
const ROUNDS = 40;
const KILLS = 12;

let folder;
let lock;
let witness;
let children;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lock-'));
  lock = path.join(folder, 'a.lock');
  witness = path.join(folder, 'witness');
  children = new Set();
});

afterEach(async () => {
  const living = [...children].filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  for (const child of living) child.kill('SIGKILL');
  await Promise.all(living.map((child) => once(child, 'exit')));
  await rm(folder, { recursive: true });
});

/** A process of lock-contender.mjs that waits for its order. */
async function startContender(options = {}) {
  const child = fork(CONTENDER, [lock, witness], options);
  children.add(child);
  await once(child, 'message');
  return child;
}

async function order(child, name) {
  child.send(name);
  const [answer] = await once(child, 'message');
  assert.equal(answer.error, undefined, answer.error);
  return answer;
}

async function writeOwner(owner) {
  await mkdir(lock);
  await writeFile(path.join(lock, 'owner.json'), JSON.stringify(owner));
}

async function numberOfDead() {
  const child = await startContender();
  child.kill('SIGKILL');
  await once(child, 'exit');
  return child.pid;
}

const ownRecord = async () => ({ pid: process.pid, start: await startOf(process.pid), host: os.hostname() });

describe('a lock', () => {
  test('is held by one at a time within a process', async () => {
    let holders = 0;
    const work = async () => {
      holders += 1;
      assert.equal(holders, 1);
      await immediate();
      holders -= 1;
    };
    await Promise.all([withLock(lock, work), withLock(lock, work), withLock(lock, work)]);
    assert.deepEqual(await readdir(folder), []);
  });

  test('is given back when the work fails', async () => {
    await assert.rejects(
      withLock(lock, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await withLock(lock, () => 'done'), 'done');
  });

  test('names who holds it', async () => {
    const { release } = await tryLock(lock);
    const { owner } = await tryLock(lock);
    assert.deepEqual([owner.pid, owner.host], [process.pid, os.hostname()]);
    await release();
    assert.equal(typeof (await tryLock(lock)).release, 'function');
  });

  test('that another has meanwhile is not removed by its former owner', async () => {
    const former = await tryLock(lock);
    // As a person does who takes a lock for a leftover.
    await rm(lock, { recursive: true });
    const present = await tryLock(lock);
    await former.release();
    assert.ok(existsSync(lock));
    await present.release();
    assert.ok(!existsSync(lock));
  });

  test('is told from something else in its place, and that is left alone', async () => {
    await mkdir(path.join(lock, 'precious'), { recursive: true });
    await assert.rejects(tryLock(lock), /a\.lock is in the way of a lock, but is none/);
    assert.deepEqual(await readdir(folder), ['a.lock']);
  });

  test('is told from a person’s own file of its name, whatever is in it, and that is left alone', async () => {
    for (const text of ['', 'my notes', String(process.pid), JSON.stringify(await ownRecord())]) {
      await writeFile(lock, text);
      await assert.rejects(
        tryLock(lock),
        /^ForeignLockError: .*a\.lock is in the way of a lock, but is none/,
      );
      await assert.rejects(
        withLock(lock, () => assert.fail('begun')),
        { name: 'ForeignLockError' },
      );
      assert.equal(await readFile(lock, 'utf8'), text);
      assert.deepEqual(await readdir(folder), ['a.lock']);
    }
  });

  test('is told from a person’s own folder with a record of something else', async () => {
    await mkdir(lock);
    for (const text of ['{"owner":"me"}', 'me', '{"pid":']) {
      await writeFile(path.join(lock, 'owner.json'), text);
      await assert.rejects(tryLock(lock), { name: 'ForeignLockError' });
      assert.equal(await readFile(path.join(lock, 'owner.json'), 'utf8'), text);
    }
    await writeFile(path.join(lock, 'owner.json'), '');
    await writeFile(path.join(lock, 'precious'), '');
    await assert.rejects(tryLock(lock), { name: 'ForeignLockError' });
    assert.deepEqual(await readdir(lock), ['owner.json', 'precious']);
  });

  test('leaves what a person put into it or beside it', async () => {
    const pid = await numberOfDead();
    const beside = [`a.lock.${pid}-01234567`, 'a.lock.stale-0123456789ab', 'a.lock.txt'];
    for (const name of beside) await writeFile(path.join(folder, name), 'mine');
    const { release } = await tryLock(lock);
    await writeFile(path.join(lock, 'precious'), 'mine');
    await release();
    const [moved, ...others] = (await readdir(folder)).filter((name) => !beside.includes(name));
    assert.deepEqual(others, []);
    assert.ok((await readdir(path.join(folder, moved))).includes('precious'));
    for (const name of beside) assert.equal(await readFile(path.join(folder, name), 'utf8'), 'mine');
  });
});

describe('a lock is taken over', () => {
  test('from a process that was killed', async () => {
    const child = await startContender();
    assert.deepEqual(await order(child, 'hold'), { isHeld: true });
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await withLock(lock, () => 'done'), 'done');
    assert.deepEqual(await readdir(folder), []);
  });

  test('from one whose number another process has now', async () => {
    await writeOwner({ ...(await ownRecord()), start: 'long ago' });
    assert.equal(await withLock(lock, () => 'done'), 'done');
  });

  test('where a crash of the machine left its record blank', async () => {
    for (const text of ['', '\0\0\0']) {
      await mkdir(lock);
      await writeFile(path.join(lock, 'owner.json'), text);
      assert.equal(await withLock(lock, () => 'done'), 'done', text);
    }
  });

  test('but not from a process of another machine, which cannot be looked at', async () => {
    await writeOwner({ pid: await numberOfDead(), start: 'then', host: 'elsewhere' });
    assert.equal((await tryLock(lock)).owner.host, 'elsewhere');
  });

  test('with what its owner had not yet put in place or away', async () => {
    const pid = await numberOfDead();
    for (const name of [`a.lock.${pid}-01234567`, 'a.lock.stale-0123456789ab']) {
      await mkdir(path.join(folder, name));
      const record = JSON.stringify({ pid, start: null, host: os.hostname() });
      await writeFile(path.join(folder, name, 'owner.json'), record);
    }
    await mkdir(path.join(folder, `a.lock.${process.pid}-01234567`));
    await withLock(lock, () => {});
    assert.deepEqual(await readdir(folder), [`a.lock.${process.pid}-01234567`]);
  });
});

describe('a process', () => {
  test('has ended when it is gone, or when its number is another’s', async () => {
    const own = await startOf(process.pid);
    assert.equal(await hasEnded(process.pid, own), false);
    assert.equal(await hasEnded(process.pid, null), false);
    if (own !== null) assert.equal(await hasEnded(process.pid, 'long ago'), true);
    assert.equal(await hasEnded(await numberOfDead(), null), true);
  });

  test('that is only stopped has not', async () => {
    const child = await startContender();
    child.kill('SIGSTOP');
    assert.equal(await hasEnded(child.pid, await startOf(child.pid)), false);
  });
});

describe('of several processes', () => {
  test('that meet a lock of a dead one, never two have it', { timeout: 300_000 }, async () => {
    const pid = await numberOfDead();
    const contenders = await Promise.all(Array.from({ length: PROCESSES }, () => startContender()));
    for (let round = 0; round < ROUNDS; round++) {
      await writeOwner({ pid, start: null, host: os.hostname(), token: String(round) });
      const answers = await Promise.all(contenders.map((child) => order(child, 'contend')));
      answers.forEach(({ before, after }, index) =>
        assert.deepEqual([before, after], ['', String(contenders[index].pid)], `round ${round}`),
      );
    }
    assert.deepEqual(await readdir(folder), []);
  });

  test(
    'that are killed at any point, never two have it and nobody is kept waiting',
    { timeout: 300_000 },
    async () => {
      const dead = new Set();
      const problems = [];
      let holds = 0;
      let wake = () => {};
      const listen = (child) => {
        child.on('message', ({ before, after, pid, error }) => {
          holds += 1;
          // A number in the witness is left by one that was killed while it held the lock, or by a second holder.
          if (error !== undefined) problems.push(error);
          else if (before !== '' && !dead.has(Number(before)))
            problems.push(`${before} held it beside ${pid}`);
          else if (after !== String(pid)) problems.push(`${after} took it beside ${pid}`);
          wake();
        });
        child.send('churn');
      };
      const contenders = await Promise.all(Array.from({ length: PROCESSES }, () => startContender()));
      contenders.forEach(listen);
      for (let kill = 0; kill < KILLS; kill++) {
        // Some more turns each time, so that the kill meets every stage of taking and giving back.
        const wanted = holds + 1 + (kill % 3);
        while (holds < wanted) await new Promise((resolve) => (wake = resolve));
        for (let turn = 0; turn < 3 * kill; turn++) await immediate();
        const place = kill % PROCESSES;
        dead.add(contenders[place].pid);
        contenders[place].kill('SIGKILL');
        contenders[place] = await startContender();
        listen(contenders[place]);
      }
      assert.deepEqual(problems, []);
    },
  );
});

describe('a wait', () => {
  test('is said after a moment, with who is waited for, and ends when the lock is given back', async () => {
    const { release } = await tryLock(lock);
    let said;
    const heard = new Promise((resolve) => (said = resolve));
    const waiting = withLock(lock, () => 'done', { log: said });
    assert.match(await heard, new RegExp(`Waiting for process ${process.pid}, which holds .*a\\.lock`));
    await release();
    assert.equal(await waiting, 'done');
  });

  test('ends by a wish to stop, and the work is not begun', async () => {
    const { release } = await tryLock(lock);
    const controller = new AbortController();
    const waiting = withLock(lock, () => assert.fail('begun'), { signal: controller.signal });
    controller.abort(new Error('stopped'));
    await assert.rejects(waiting, /stopped/);
    await release();
  });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`is said on stderr and ended by ${signal}`, async () => {
      await tryLock(lock);
      const child = await startContender({ stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
      child.send('wait');
      const [text] = await once(child.stderr, 'data');
      assert.match(String(text), /^Waiting for process \d+/);
      child.kill(signal);
      const [, ended] = await once(child, 'exit');
      assert.equal(ended, signal);
      assert.ok((await readFile(path.join(lock, 'owner.json'), 'utf8')).includes(String(process.pid)));
    });
  }
});
