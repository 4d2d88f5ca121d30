/** The query of the page's address, changed without a load; fragment and history entry stay. */

export function replaceQuery(query: string): void {
  const url = new URL(location.href);
  url.search = query;
  try {
    history.replaceState(history.state, '', url);
  } catch {
    // Browsers refuse more of them than some in a few seconds; the next change comes with all there is.
  }
}
