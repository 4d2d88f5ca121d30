/** Brings the built page into each of its states, in the order in which a run meets them. */

import { command, loadCheckpoint, openPage, waitForState, waitForStep } from './page.mjs';

export const STATES = ['idle', 'loading', 'running', 'paused', 'finished', 'failed', 'loaded'];

/** Where the site has the checkpoint that is loaded. */
const CHECKPOINT_PATH = '/loaded.safetensors';

/** Evaluations along a run that is shown, so that the charts have something to show. */
const EVALUATIONS = 12;
/** Share of the steps after which a run is shown going on. */
const RUNNING_SHARE = 0.8;

/** The site's data as a switch: served, held back, or missing; and a checkpoint beside it. `intercept` is for the server. */
export function makeDataSwitch(checkpoint = null) {
  let release = () => {};
  let held = Promise.resolve();
  let isMissing = false;
  return {
    hold() {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
    remove() {
      isMissing = true;
    },
    intercept: async (request, response) => {
      if (checkpoint !== null && request.url === CHECKPOINT_PATH) {
        response.end(checkpoint);
        return true;
      }
      if (!request.url.startsWith('/data/')) return false;
      await held;
      if (isMissing) response.writeHead(404).end();
      return isMissing;
    },
  };
}

/** Calls `onState(state)` in each of the states `wanted` while the page is in it. */
export async function walkStates({ page, url, data, recipe, engine, steps }, wanted, onState) {
  const isWanted = (...states) => states.some((state) => wanted.includes(state));
  const visit = async (state) => {
    if (isWanted(state)) await onState(state);
  };
  const evalEvery = Math.max(1, Math.round(steps / EVALUATIONS));
  await openPage(page, url, { recipe, engine, steps, evalEvery });
  await visit('idle');
  if (isWanted('loading', 'running', 'paused', 'finished')) {
    data.hold();
    await command(page, 'start');
    await waitForState(page, 'loading');
    await visit('loading');
    data.release();
  }
  if (isWanted('running', 'paused', 'finished')) {
    await waitForStep(page, Math.round(RUNNING_SHARE * steps));
    await visit('running');
  }
  if (isWanted('paused')) {
    await command(page, 'pause');
    await waitForState(page, 'paused');
    await visit('paused');
  }
  if (isWanted('finished')) {
    // Where it is paused.
    await command(page, 'start');
    await waitForState(page, 'finished');
    await visit('finished');
  }
  if (isWanted('loaded')) {
    await openPage(page, url, { engine });
    await loadCheckpoint(page, CHECKPOINT_PATH);
    await visit('loaded');
  }
  if (isWanted('failed')) {
    data.remove();
    await openPage(page, url, { recipe, engine });
    await command(page, 'start');
    await waitForState(page, 'failed');
    await visit('failed');
  }
}
