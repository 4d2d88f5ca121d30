/** A run's folder through what happens to people: closed terminals, second runs, damaged files, rebuilds. */

import assert from 'node:assert/strict';
import { appendFile, mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DIST, ROOT } from '../../scripts/lib/paths.mjs';
import { quoteWord } from '../../scripts/lib/invocation.mjs';
import { runScript, startCommand, startScript, TINY_DATA, TINY_RUN } from './support/scripts.mjs';

const TINY = [...TINY_RUN, '--eval-every', '2'];
/** A run that no test waits for the end of. */
const LONG = [...TINY, '--steps', '100000'];

let folder;

const inFolder = (...parts) => path.join(folder, ...parts);

async function readSteps(name) {
  const text = await readFile(inFolder(name, 'metrics.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).step);
}

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'folders-'));
});

after(() => rm(folder, { recursive: true }));

describe('a run ends with a checkpoint and leaves nothing that trains on', () => {
  test('when its terminal is closed, and goes on by the command it printed', async () => {
    const name = "it's $HOME";
    const script = startScript('train', [...LONG, '--out', inFolder(name)]);
    await script.said(/^step 2: /m);
    script.child.kill('SIGHUP');
    const { code, output } = await script.ended;
    assert.equal(code, 129, output);
    const [, done, command] = /Stopped after step (\d+) of .*To go on: (.*)$/m.exec(output);
    const total = Number(done) + 1;
    const resumed = await startCommand('sh', ['-c', `${command} --steps ${total}`]).ended;
    assert.equal(resumed.code, 0, resumed.output);
    const steps = await readSteps(name);
    assert.deepEqual([steps[0], steps[1], steps.at(-1)], [1, 2, total]);
  });

  test('when nobody reads its output any more', async () => {
    const script = startScript('train', [...LONG, '--out', inFolder('unread')]);
    await script.said(/^step 2: /m);
    script.child.stdout.destroy();
    const { code } = await script.ended;
    assert.equal(code, 141);
    const names = (await readdir(inFolder('unread'))).sort();
    assert.deepEqual(names, ['checkpoint.safetensors', 'metrics.jsonl', 'run.json', 'samples.png']);
  });

  for (const [signal, moment] of [
    ['SIGTERM', /> node scripts\/train\.mjs/],
    ['SIGTERM', /Starting the engine/],
    ['SIGKILL', /^step 1: /m],
  ]) {
    test(`when npm alone gets ${signal} at ${moment.source}`, async () => {
      const out = inFolder('lost');
      const npm = startCommand('npm', ['run', 'train', '--', ...LONG, '--out', out], { cwd: ROOT });
      await npm.said(moment);
      npm.child.kill(signal);
      // Ends only when every process that had npm's output has ended.
      const { output } = await npm.ended;
      const isBegun = await readdir(out).catch(() => []);
      assert.ok(isBegun.length === 0 || isBegun.includes('checkpoint.safetensors'), `${isBegun}: ${output}`);
      await rm(out, { recursive: true, force: true });
    });
  }
});

describe('a folder has one run at a time', () => {
  test('a second one is refused by name, going on as well, and the first is not disturbed', async () => {
    const out = inFolder('shared');
    const first = startScript('train', [...LONG, '--out', out]);
    await first.said(/^step 2: /m);
    for (const args of [
      ['--out', out],
      ['--out', out, '--force'],
      ['--resume', out],
    ]) {
      const { code, output } = await runScript('train', args);
      assert.equal(code, 1, output);
      assert.match(
        output,
        new RegExp(`The folder .*shared is taken: process ${first.child.pid} has a run in it`),
      );
    }
    first.child.kill('SIGTERM');
    assert.equal((await first.ended).code, 143);
    assert.deepEqual((await readSteps('shared')).slice(0, 2), [1, 2]);
  });

  test('of two that begin at once one trains, and its lock goes with it', async () => {
    const args = [...TINY, '--steps', '2', '--out', inFolder('twins')];
    const ended = await Promise.all([runScript('train', args), runScript('train', args)]);
    assert.deepEqual(
      ended.map(({ code }) => code).sort(),
      [0, 1],
      ended.map(({ output }) => output).join('\n'),
    );
    assert.match(ended.find(({ code }) => code === 1).output, /is taken: process \d+|is not empty/);
    assert.ok(!(await readdir(inFolder('twins'))).includes('run.lock'));
  });
});

describe('nothing is lost or overwritten by accident', () => {
  test('killed before its first checkpoint a folder advises nothing that cannot work', async () => {
    const out = inFolder('killed');
    const script = startScript('train', [...LONG, '--out', out]);
    await script.said(/Making the first step/);
    script.child.kill('SIGKILL');
    await script.ended;
    // As a kill between the two leaves it, however fast this machine is.
    await rm(path.join(out, 'checkpoint.safetensors'), { force: true });
    await writeFile(path.join(out, 'metrics.jsonl'), '');
    const again = await runScript('train', [...TINY, '--out', out]);
    assert.equal(again.code, 1);
    assert.match(again.output, /is not empty.*--force/s);
    assert.doesNotMatch(again.output, /--resume/);
  });

  test('what no run wrote stays, with --force, too', async () => {
    const out = inFolder('project');
    await mkdir(path.join(out, 'model'), { recursive: true });
    await writeFile(path.join(out, 'model', 'mine.txt'), 'mine');
    await writeFile(path.join(out, 'run.json'), '{"mine":true}');
    const { code, output } = await runScript('train', [...TINY, '--steps', '1', '--out', out, '--force']);
    assert.equal(code, 1);
    assert.match(output, /holds run\.json, but nothing that shows that a run/);
    assert.equal(await readFile(path.join(out, 'run.json'), 'utf8'), '{"mine":true}');
    assert.equal(await readFile(path.join(out, 'model', 'mine.txt'), 'utf8'), 'mine');
  });

  test('a folder that cannot be written to is told before anything is built', async () => {
    await writeFile(inFolder('file'), '');
    const { code, output } = await runScript('train', [...TINY, '--out', inFolder('file', 'a')]);
    assert.equal(code, 1);
    assert.match(output, /^The folder .*file\/a cannot be written to \(.*\)\. Name one that can/);
  });

  test('a damaged metrics.jsonl and run.json are set aside by name, and the run goes on', async () => {
    const out = inFolder('damaged');
    const first = await runScript('train', [...TINY, '--steps', '4', '--out', out]);
    assert.equal(first.code, 0, first.output);
    const metrics = path.join(out, 'metrics.jsonl');
    const [one, two, four] = (await readFile(metrics, 'utf8')).trimEnd().split('\n');
    await writeFile(metrics, `\uFEFF${two}\n${one}\n${two}\n{"step":9}\n`);
    await appendFile(metrics, four.slice(0, 20));
    await writeFile(path.join(out, 'run.json'), '{"recipe":');

    const { code, output } = await runScript('train', ['--resume', out, '--steps', '6', ...TINY_DATA]);
    assert.equal(code, 0, output);
    assert.match(output, /^Note: run\.json is cut off.*kept as run\.damaged\.json\.$/m);
    assert.match(
      output,
      /^Note: metrics\.jsonl .*byte order mark.*cut off.*kept as metrics\.damaged\.jsonl\.$/m,
    );
    assert.deepEqual(await readSteps('damaged'), [1, 2, 6]);
    assert.equal(await readFile(path.join(out, 'run.damaged.json'), 'utf8'), '{"recipe":');
    const { sessions } = JSON.parse(await readFile(path.join(out, 'run.json'), 'utf8'));
    assert.deepEqual(
      sessions.map(({ fromStep }) => fromStep),
      [4],
    );
  });
});

describe('where the person stands', () => {
  test('a relative --out lies there with npm --prefix, and the printed command works there', async () => {
    const here = inFolder('here');
    await mkdir(here);
    const args = ['--prefix', ROOT, 'run', 'train', '--', ...TINY, '--steps', '2', '--out', '-a b'];
    // npm hands words on by their position, and a folder that begins with a dash needs the equals sign.
    const { code, output } = await startCommand('npm', [...args.slice(0, -2), '--out=-a b'], { cwd: here })
      .ended;
    assert.equal(code, 0, output);
    assert.ok((await readdir(path.join(here, '-a b'))).includes('checkpoint.safetensors'));
    const again = await startCommand('npm', [...args.slice(0, -2), '--out=-a b'], { cwd: here }).ended;
    const command = `npm --prefix ${quoteWord(ROOT)} run train -- --resume './-a b'`;
    assert.ok(again.output.includes(command), again.output);
    const resumed = await startCommand('sh', ['-c', `${command} --steps 3`], { cwd: here }).ended;
    assert.equal(resumed.code, 0, resumed.output);
  });
});

test('a run whose site is built again meanwhile, and gone, still exports its networks', async (context) => {
  context.after(() => runScript('build', []));
  const args = [...TINY, '--steps', '4', '--export', '--out', inFolder('rebuilt')];
  const script = startScript('train', args);
  await script.said(/^step 1: /m);
  await rm(DIST, { recursive: true });
  const { code, output } = await script.ended;
  assert.equal(code, 0, output);
  assert.match(output, /^Exported .*model\.json/m);
});

describe('every command refuses an option without its value', () => {
  const OPTIONS = {
    train: ['out', 'resume', 'steps', 'recipe'],
    plan: ['recipe', 'image', 'classes', 'batch', 'rows', 'program'],
    bench: ['engines', 'threads', 'steps', 'json', 'python'],
    start: ['port'],
    screenshots: ['state', 'width', 'recipe', 'out', 'folder'],
    'bench-frames': ['recipe', 'engine', 'seconds'],
    'gpu-audit': ['recipe', 'json', 'compare'],
  };
  for (const [script, options] of Object.entries(OPTIONS)) {
    test(`${script}, given an empty one or none`, async () => {
      const given = await Promise.all(options.map((option) => runScript(script, [`--${option}`, ''])));
      for (const [index, empty] of given.entries()) {
        const option = options[index];
        assert.equal(empty.code, 1, `--${option}: ${empty.output}`);
        assert.match(empty.output, new RegExp(`^--${option} has an empty value\\. See npm `));
      }
      const [last] = options;
      const missing = await runScript(script, [`--${last}`]);
      assert.equal(missing.code, 1);
      assert.match(missing.output, new RegExp(`--${last} <value>' argument missing`));
    });
  }

  test('build and chart-traces take none', async () => {
    for (const script of ['build', 'chart-traces']) {
      const { code, output } = await runScript(script, ['--out', 'a']);
      assert.equal(code, 1);
      assert.match(output, /Unknown option '--out'/);
    }
  });
});
