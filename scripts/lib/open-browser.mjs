/** Opens a URL in the person's default browser, where there is a person to see it. */

import { spawn } from 'node:child_process';

/** Why nobody would see a window; undefined where somebody might. */
export function reasonNotToOpen({ env, platform, isTerminal }) {
  if (env.CI) return 'CI is set';
  if (!isTerminal) return 'this is no terminal';
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return 'there is no display';
  return undefined;
}

function openerOf(platform, url) {
  if (platform === 'darwin') return ['open', [url]];
  // `start` takes its first quoted argument for a title.
  if (platform === 'win32') return ['cmd', ['/c', 'start', '""', url]];
  return ['xdg-open', [url]];
}

/** Opens `url`; resolves with what went wrong, or undefined. */
export function openInBrowser(url) {
  const [command, args] = openerOf(process.platform, url);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'ignore', detached: true });
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code) => resolve(code === 0 ? undefined : `${command} ended with exit code ${code}`));
    child.unref();
  });
}
