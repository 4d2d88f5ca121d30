/** A protocol from its first draw to another one later, on data of its own: tiny runs of real training. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { runScript, TINY_DATA, TINY_RUN } from './support/scripts.mjs';

let folder;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'protocol-'));
});
after(() => rm(folder, { recursive: true }));

test('a protocol that goes on has the recipe, the settings and the data that it was begun with', async () => {
  const out = path.join(folder, 'a b');
  const readResult = async () => JSON.parse(await readFile(path.join(out, 'protocol.json'), 'utf8'));
  const begun = await runScript('protocol', [
    ...TINY_RUN,
    ...['--labels', '20', '--draws', '1', '--steps', '2', '--validation', '100', '--out', out],
  ]);
  assert.equal(begun.code, 0, begun.output);
  const first = await readResult();
  assert.deepEqual(['--data', first.data], TINY_DATA);
  assert.deepEqual([first.evaluatedOn, first.draws.length], ['the last 100 training images', 1]);

  // Nothing is left: what there is is summed up again.
  const again = await runScript('protocol', ['--resume', '--out', out]);
  assert.equal(again.code, 0, again.output);
  assert.match(again.output, /notebook, 20 labels, 1 draws/);
  assert.deepEqual(await readResult(), first);

  const onOthers = await runScript('protocol', [
    '--resume',
    '--draws',
    '2',
    '--validation',
    '200',
    '--out',
    out,
  ]);
  assert.equal(onOthers.code, 1);
  assert.match(
    onOthers.output,
    /The runs in .*a b were begun on other images than those in .* with 200 for validation\. Name those by --data/,
  );

  const more = await runScript('protocol', ['--resume', '--draws', '2', '--out', out]);
  assert.equal(more.code, 0, more.output);
  const { data, draws } = await readResult();
  assert.deepEqual([data, draws.length, draws[0]], [first.data, 2, first.draws[0]]);
  const run = path.join(out, 'notebook-labels20-seed2', 'run.json');
  const { data: trainedOn, validation } = JSON.parse(await readFile(run, 'utf8'));
  assert.deepEqual([trainedOn, validation], [first.data, 100]);

  // A draw that was made here too counts once, as it was made here.
  const published = path.join(folder, 'published.json');
  await writeFile(published, JSON.stringify(first));
  const twice = await runScript('protocol', ['--resume', '--add-to', published, '--out', out]);
  assert.equal(twice.code, 0, twice.output);
  assert.deepEqual((await readResult()).draws, draws);

  // In another folder, as on another machine: the draw that is published is taken over, not made again.
  const other = path.join(folder, 'other');
  const given = [...TINY_RUN, '--labels', '20', '--draws', '2', '--validation', '100', '--out', other];
  const unlike = await runScript('protocol', [...given, '--steps', '3', '--add-to', published]);
  assert.equal(unlike.code, 1);
  assert.match(unlike.output, /published\.json: its steps is 2, here it is 3\./);
  const added = await runScript('protocol', [...given, '--steps', '2', '--add-to', published]);
  assert.equal(added.code, 0, added.output);
  assert.ok(!existsSync(path.join(other, 'notebook-labels20-seed1')), 'draw 1 was not trained');
  const readOther = async () => JSON.parse(await readFile(path.join(other, 'protocol.json'), 'utf8'));
  const both = await readOther();
  assert.deepEqual(both.draws[0], { ...first.draws[0], machine: first.machine });
  assert.deepEqual({ ...both.draws[1], seconds: 0 }, { ...draws[1], seconds: 0 });
  assert.equal(both.mean, (both.draws[0].accuracy + both.draws[1].accuracy) / 2);
  const summed = await runScript('protocol', ['--resume', '--out', other]);
  assert.equal(summed.code, 0, summed.output);
  assert.deepEqual(await readOther(), both);
});
