/** Parts of the platform that may not be there, whichever thread asks. */

/**
 * What `read` gives; undefined where there is no such thing, or where the browser throws at the mere
 * look at it (storage that is blocked, policies, hardened modes). Callers go on without.
 */
export function feature<T>(read: () => T): NonNullable<T> | undefined {
  try {
    return read() ?? undefined;
  } catch {
    return undefined;
  }
}
