/** What `npx sgan-trainer` does: it writes what the package does not carry to where a host serves it. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CommandError } from './command-error.mjs';
import { writeData } from './write-data.mjs';
import { writeSite } from './write-site.mjs';

const HELP = `npx sgan-trainer data FOLDER
  writes the four MNIST files that the element's data-url names, fetched with npm

npx sgan-trainer site FOLDER
  writes the whole site with its data, for a host of static files; on one that sends no
  headers a service worker isolates the page, so that the engine wasm uses threads
  --no-data   without the data

  --help      this text
  --version   the version`;

function parse(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        'no-data': { type: 'boolean' },
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new CommandError(`${error.message.split('. ')[0]}.\n\n${HELP}`);
  }
}

async function run(args) {
  const { values, positionals } = parse(args);
  const [command, folder, ...rest] = positionals;
  if (values.help) return console.log(HELP);
  if (values.version) {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    return console.log(JSON.parse(text).version);
  }
  const isKnown = command === 'data' || command === 'site';
  const refuse = (problem) => {
    throw new CommandError(`${problem}\n\n${HELP}`);
  };
  if (!isKnown) refuse(command === undefined ? 'No command is given.' : `There is no command "${command}".`);
  if (folder === undefined || rest.length > 0) refuse(`"${command}" takes one folder.`);
  // A variable that was never set, not the folder one stands in.
  if (folder.trim() === '') refuse(`The folder of "${command}" is empty; "." is the one you stand in.`);
  if (command === 'data' && values['no-data'] === true) refuse('--no-data is of the command "site".');
  const target = path.resolve(folder);
  if (command === 'data') await writeData(target);
  else await writeSite(target, { hasData: values['no-data'] !== true });
  return console.log(`Written to ${target}`);
}

/** Runs the command that these words are; resolves with the exit code. What fails is told here. */
export async function runCommand(args) {
  try {
    await run(args);
    return 0;
  } catch (error) {
    // Of a folder that cannot be written to, say, the system's words are enough.
    const isTold = error instanceof CommandError || error?.syscall !== undefined;
    console.error(isTold ? error.message : error);
    return 1;
  }
}
