/**
 * Who trains where: hands runs to places until every run has ended, gives a run whose place was lost to another one.
 * Owns no browser, no files and no clock.
 */

/** So many places in a row that are lost under a run, without a new checkpoint between, are the run's own fault. */
export const MOST_LOSSES = 3;

/**
 * Works through `runs`. `places.take(signal)` resolves with a place as soon as there is one, null after an abort, and
 * rejects where there will be none; a place has `release()`. `work(run, place)` resolves with how it ended: `finished`,
 * `stopped` (by the signal), `failed` (it would fail anywhere), or `lost`, with `hasProgressed` (there is a newer
 * checkpoint than before) and `isPlaceBroken` (the run was not even tried there). `onEnd(run, end)` hears every end;
 * `end.isFinal` says that the run is not tried again. Resolves when nothing is under way any more; rejects with the
 * error of `take` then.
 */
export async function runSchedule({ runs, places, work, signal, onEnd }) {
  const waiting = [...runs];
  const losses = new Map();
  const active = new Set();
  let failure = null;

  function endOf(run, end) {
    if (end.state !== 'lost') return { ...end, isFinal: true };
    if (end.isPlaceBroken) return { ...end, isFinal: false };
    const count = (end.hasProgressed ? 0 : (losses.get(run) ?? 0)) + 1;
    losses.set(run, count);
    return { ...end, isFinal: count >= MOST_LOSSES };
  }

  async function begin(run, place) {
    try {
      const end = endOf(run, await work(run, place));
      // Before the others: what was begun is to be ended.
      if (!end.isFinal) waiting.unshift(run);
      onEnd(run, end);
    } finally {
      await place.release();
    }
  }

  while (!signal.aborted) {
    if (waiting.length === 0) {
      if (active.size === 0) break;
      // One that is lost comes back.
      await Promise.race(active);
      continue;
    }
    const place = await places.take(signal).catch((error) => {
      failure = error;
      return null;
    });
    if (place === null) break;
    const job = begin(waiting.shift(), place)
      .catch((error) => {
        failure ??= error;
      })
      .finally(() => active.delete(job));
    active.add(job);
    if (failure !== null) break;
  }
  await Promise.all(active);
  if (failure !== null) throw failure;
}
