/** An error whose message is all a person needs. */
export class CommandError extends Error {
  name = 'CommandError';
}
