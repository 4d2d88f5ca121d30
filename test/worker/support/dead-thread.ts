/** A compute thread that answers and then ends: what a thread that dies looks like to the others. */

/// <reference lib="webworker" />

addEventListener('message', () => {
  postMessage('ready');
  close();
});
