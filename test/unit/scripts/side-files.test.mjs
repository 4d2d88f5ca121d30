/** What lies beside a checkpoint, damaged in every way: the checkpoint is the truth, and a run goes on. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { METRICS, RUN } from '../../../scripts/lib/run-folder.mjs';
import { readMetrics, readRun, setAside } from '../../../scripts/lib/side-files.mjs';

let folder;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'side-'));
});

afterEach(() => rm(folder, { recursive: true }));

const stepsOf = ({ evaluations }) => evaluations.map(({ step }) => step);

/** Text of metrics.jsonl, the steps read from it beside a checkpoint evaluated after 20, and what is said. */
const METRICS_FILES = {
  sound: ['{"step":1}\n{"step":20}\n', [1, 20], []],
  'with lines beyond the checkpoint': ['{"step":1}\n{"step":20}\n{"step":30}\n', [1, 20], []],
  'without a last end of line': ['{"step":1}\n{"step":20}', [1, 20], []],
  'with the line ends of Windows': ['{"step":1}\r\n{"step":20}\r\n', [1, 20], []],
  'cut in a line': [
    '{"step":1}\n{"st',
    [1],
    [/1 line that no run wrote or that were cut/, /no line for step 20/],
  ],
  empty: ['', [], [/no line for step 20/]],
  'with a byte order mark': ['\uFEFF{"step":1}\n{"step":20}\n', [1, 20], [/byte order mark/]],
  'with a line twice': [
    '{"step":1}\n{"step":20}\n{"step":20}\n',
    [1, 20],
    [/1 line for a step that has one/],
  ],
  'out of order': ['{"step":20}\n{"step":1}\n', [1, 20], [/out of order/]],
  'of something else': [
    'null\n[]\n7\n{"step":"1"}\n{"step":0}\n{"a":1}\n',
    [],
    [/6 lines that no run wrote/, /no line/],
  ],
  'full of zeros': ['\0\0\0\0', [], [/1 line that no run wrote/, /no line/]],
};

describe('metrics.jsonl', () => {
  for (const [what, [text, steps, problems]] of Object.entries(METRICS_FILES)) {
    test(`${what} gives the evaluations that the checkpoint knows of, and says what was wrong`, async () => {
      await writeFile(path.join(folder, METRICS), text);
      const read = await readMetrics(folder, 20);
      assert.deepEqual(stepsOf(read), steps);
      assert.equal(read.problems.length, problems.length, read.problems.join('; '));
      problems.forEach((problem, index) => assert.match(read.problems[index], problem));
    });
  }

  test('keeps the later of two lines for a step', async () => {
    await writeFile(path.join(folder, METRICS), '{"step":1,"try":1}\n{"step":1,"try":2}\n');
    assert.deepEqual((await readMetrics(folder, 1)).evaluations, [{ step: 1, try: 2 }]);
  });

  test('may be missing, and may begin where its folder’s run went on from', async () => {
    assert.deepEqual(await readMetrics(folder, 20), { evaluations: [], problems: [] });
    await writeFile(path.join(folder, METRICS), '');
    assert.deepEqual(await readMetrics(folder, 20, 20), { evaluations: [], problems: [] });
  });

  test('may be a folder', async () => {
    await mkdir(path.join(folder, METRICS));
    const { evaluations, problems } = await readMetrics(folder, 1);
    assert.deepEqual(evaluations, []);
    assert.match(problems[0], /cannot be read \(EISDIR\)/);
  });
});

describe('run.json', () => {
  const sessions = [{ fromStep: 0 }, { fromStep: 10 }];

  test('gives its sessions', async () => {
    const nothing = { sessions: [], data: {}, describes: {}, problems: [] };
    assert.deepEqual(await readRun(folder), nothing);
    await writeFile(path.join(folder, RUN), JSON.stringify({ sessions }));
    assert.deepEqual(await readRun(folder), { ...nothing, sessions, describes: { sessions } });
  });

  test('gives the data that the run was begun with, where it names any', async () => {
    const dataOf = async (run) => {
      await writeFile(path.join(folder, RUN), JSON.stringify({ ...run, sessions }));
      return (await readRun(folder)).data;
    };
    assert.deepEqual(await dataOf({ data: '/a', validation: 5 }), { data: '/a', validation: 5 });
    assert.deepEqual(await dataOf({ validation: 5 }), { validation: 5 });
    assert.deepEqual(await dataOf({ data: '', validation: -5 }), {});
    assert.deepEqual(await dataOf({ data: 5, validation: '5' }), {});
  });

  for (const text of [
    '',
    '{"sessions":[{"fro',
    'null',
    '[]',
    '{}',
    '{"sessions":{}}',
    '{"sessions":[]}',
    '\0\0',
  ]) {
    test(`that is ${JSON.stringify(text)} is told as damaged and gives none`, async () => {
      await writeFile(path.join(folder, RUN), text);
      const read = await readRun(folder);
      assert.deepEqual(read.sessions, []);
      assert.match(read.problems.join(), /cut off, or no run wrote it/);
    });
  }

  test('keeps what is sound of it', async () => {
    await writeFile(path.join(folder, RUN), `\uFEFF${JSON.stringify({ sessions: [...sessions, null] })}`);
    assert.deepEqual((await readRun(folder)).sessions, sessions);
    await writeFile(path.join(folder, RUN), `\uFEFF${JSON.stringify({ sessions })}`);
    assert.deepEqual(await readRun(folder), {
      sessions,
      data: {},
      describes: { sessions },
      problems: ['begins with a byte order mark'],
    });
  });
});

test('a damaged file is kept under a name that is free', async () => {
  const file = path.join(folder, METRICS);
  for (const text of ['one', 'two']) {
    await writeFile(file, text);
    await setAside(file);
  }
  assert.deepEqual((await readdir(folder)).sort(), ['metrics.damaged-2.jsonl', 'metrics.damaged.jsonl']);
  assert.equal(await readFile(path.join(folder, 'metrics.damaged.jsonl'), 'utf8'), 'one');
});
