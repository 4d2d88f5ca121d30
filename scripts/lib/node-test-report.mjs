/** A reporter for `node --test` that prints one JSON object of counts when all is done. */

const COUNTS = { pass: 'passed', fail: 'failed', cancelled: 'failed', skipped: 'skipped', todo: 'failed' };

export default async function* countReport(events) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    // The totals come at the end as diagnostics of the outermost level: "pass 12".
    const total =
      type === 'test:diagnostic' && data.nesting === 0 ? /^(\w+) (\d+)$/.exec(data.message) : null;
    const count = total === null ? undefined : COUNTS[total[1]];
    if (count !== undefined) counts[count] += Number(total[2]);
  }
  yield JSON.stringify(counts);
}
