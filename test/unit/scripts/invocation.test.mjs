/** Paths and commands as the person means them, and as a shell takes them. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, test } from 'node:test';
import {
  calledFrom,
  commandLine,
  pathWord,
  quoteWord,
  resolveGiven,
} from '../../../scripts/lib/invocation.mjs';
import { ROOT } from '../../../scripts/lib/paths.mjs';

/** As npm calls a script of ours from another folder. */
const byNpm = (folder) => ({ env: { npm_lifecycle_event: 'train', INIT_CWD: folder }, cwd: ROOT });

describe('a path from the command line', () => {
  test('is relative to where the person stands, also with npm --prefix and from a folder below', () => {
    const elsewhere = path.resolve('/home/ada');
    assert.equal(resolveGiven('runs/a', byNpm(elsewhere)), path.join(elsewhere, 'runs', 'a'));
    assert.equal(resolveGiven('a', byNpm(path.join(ROOT, 'docs'))), path.join(ROOT, 'docs', 'a'));
    assert.equal(resolveGiven(elsewhere, byNpm(ROOT)), elsewhere);
    assert.equal(resolveGiven(undefined), undefined);
  });

  test('is relative to the present folder where npm does not run the script', () => {
    const cwd = path.resolve('/home/ada');
    assert.equal(calledFrom({ env: {}, cwd }), cwd);
    // The script of another package that calls ours.
    const env = { npm_lifecycle_event: 'course', INIT_CWD: path.resolve('/home') };
    assert.equal(calledFrom({ env, cwd }), cwd);
  });
});

describe('a printed command', () => {
  const WORDS = [
    'a',
    'a b',
    "it's",
    '$HOME',
    '`id`',
    '"',
    '\\',
    '*',
    '~',
    '!x',
    '#',
    ';',
    '',
    'a\nb',
    'ü',
    '=ls',
    '-a',
  ];

  test(
    'gives a shell the words that are meant',
    { skip: process.platform === 'win32' && 'no POSIX shell' },
    () => {
      for (const word of WORDS) {
        const printed = execFileSync('sh', ['-c', `printf '%s.' ${quoteWord(word)}`], {
          cwd: ROOT,
          encoding: 'utf8',
        });
        assert.equal(printed, `${word}.`);
      }
    },
  );

  test('leaves plain words plain', () => {
    for (const word of ['runs/a', '--resume', 'a-b_c.d', '/tmp/x', 'user@host:1'])
      assert.equal(quoteWord(word), word);
    assert.equal(pathWord('-a'), './-a');
    assert.equal(pathWord('runs/-a'), 'runs/-a');
  });

  test('is found by npm from where the person stands', () => {
    assert.equal(
      commandLine('train', ['--resume', 'runs/a b'], byNpm(ROOT)),
      "npm run train -- --resume 'runs/a b'",
    );
    assert.equal(commandLine('start', [], byNpm(path.join(ROOT, 'docs'))), 'npm start');
    assert.equal(
      commandLine('train', ['--resume', 'a'], byNpm(path.resolve(ROOT, '..'))),
      `npm --prefix ${quoteWord(ROOT)} run train -- --resume a`,
    );
  });
});
