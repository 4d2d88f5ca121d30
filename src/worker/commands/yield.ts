/** How a loop in the worker lets messages in. */

/**
 * A function that resolves in a later task, after messages that have already arrived. A message to
 * oneself is neither clamped as timers are nor passed by the event loop as resolved promises are.
 */
export function createYield(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      port2.postMessage(null);
    });
}
