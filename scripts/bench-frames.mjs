/**
 * `npm run bench:frames`: how free the page's main thread stays. Measures the gaps between animation
 * frames and the long tasks while the page is idle, while it loads, and during training.
 */

import { main } from './lib/main.mjs';

const HELP = `npm run bench:frames -- [options]

Prints the longest gap between animation frames and the long tasks of the page's main thread: idle, while
the engine loads, and while it trains.

  --recipe NAME  the recipe that is trained (default few-labels)
  --engine NAME  what trains (default auto)
  --seconds N    length of the training measured (default 20)
  --help         this text`;

const IDLE_MS = 5000;

/** In the page: begins to count; `window.endFrames()` ends it and returns the counts. */
function beginFrames() {
  const counts = { frames: 0, longestGapMs: 0, longTasks: 0, longestTaskMs: 0 };
  const observer = new window.PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      counts.longTasks += 1;
      counts.longestTaskMs = Math.max(counts.longestTaskMs, duration);
    }
  });
  observer.observe({ type: 'longtask' });
  const startMs = performance.now();
  let lastMs = startMs;
  let isCounting = true;
  const onFrame = (nowMs) => {
    if (!isCounting) return;
    counts.frames += 1;
    counts.longestGapMs = Math.max(counts.longestGapMs, nowMs - lastMs);
    lastMs = nowMs;
    window.requestAnimationFrame(onFrame);
  };
  window.requestAnimationFrame(onFrame);
  window.endFrames = () => {
    isCounting = false;
    observer.disconnect();
    return { ...counts, durationMs: performance.now() - startMs };
  };
}

function formatCounts(title, { frames, durationMs, longestGapMs, longTasks, longestTaskMs }) {
  const tasks =
    longTasks === 0 ? 'no long task' : `long tasks: ${longTasks}, the longest ${longestTaskMs.toFixed(0)} ms`;
  return (
    `${title.padEnd(9)} ${(durationMs / 1000).toFixed(1).padStart(5)} s, ` +
    `${((1000 * frames) / durationMs).toFixed(1)} frames/s, longest gap ${longestGapMs.toFixed(1)} ms, ${tasks}`
  );
}

await main(async (args) => {
  const { checkNames, parseOptions, parseWholeNumber } = await import('./lib/options.mjs');
  const options = parseOptions('bench:frames', args, {
    recipe: { type: 'string', default: 'few-labels' },
    engine: { type: 'string', default: 'auto' },
    seconds: { type: 'string', default: '20' },
    help: { type: 'boolean' },
  });
  if (options.help) {
    console.log(HELP);
    return;
  }
  await checkNames(options);
  const seconds = parseWholeNumber('seconds', options.seconds, 1, 3600);
  const { command, openPage, waitForStep, withPage } = await import('./lib/page.mjs');
  const { cpus } = await import('node:os');
  const { setTimeout: delay } = await import('node:timers/promises');

  await withPage({ purpose: 'compute' }, async ({ page, browser, url }) => {
    await openPage(page, url, { recipe: options.recipe, engine: options.engine });
    const measure = async (title, work) => {
      await page.evaluate(beginFrames);
      await work();
      console.log(formatCounts(title, await page.evaluate(() => window.endFrames())));
    };
    const [{ model }] = cpus();
    console.log(`${await browser.version()}, ${cpus().length} x ${model.trim()}, engine ${options.engine}`);
    await measure('idle', () => delay(IDLE_MS));
    await measure('loading', async () => {
      await command(page, 'start');
      await waitForStep(page, 1);
    });
    const before = await page.evaluate(() => window.followed.step);
    await measure('training', () => delay(1000 * seconds));
    const after = await page.evaluate(() => window.followed.step);
    console.log(`${after - before} steps in the time measured`);
  });
});
