/**
 * How long anything is waited for that may never answer: drivers, devices, workers, threads. All limits of
 * both threads, so that they can be seen to fit each other. `patience.ts` says how they are counted.
 */

/** Looking for an adapter: a driver answers in milliseconds. */
export const PROBE_LIMIT_MS = 5_000;

/** Each of `requestAdapter` and `requestDevice`. */
export const OPEN_DEVICE_LIMIT_MS = 10_000;

/**
 * A device on a real adapter that is being made ready says nothing for so long: no pipeline was compiled, no
 * buffer read. One that is slow finishes a pipeline now and then.
 */
export const DEVICE_START_SILENCE_LIMIT_MS = 15_000;

/**
 * A device that works says nothing for so long. A step of tfjs in software took 9 s; browsers themselves end
 * a GPU process that hangs for 10 s.
 */
export const DEVICE_SILENCE_LIMIT_MS = 60_000;

/** An engine as a whole, its code and binaries from the network included, where `auto` has others to try. */
export const AUTOMATIC_START_LIMIT_MS = 60_000;

/** The same where it was asked for by name, so that a software adapter may take minutes to compile. */
export const REQUESTED_START_LIMIT_MS = 300_000;

/** Steps that an engine makes to be compared with others: half a second's, and the first, which compiles. */
export const MEASURING_LIMIT_MS = 10_000;

/** So long the next start waits for one that was given up: libraries have globals that both would set. */
export const ABANDONED_START_LIMIT_MS = 3_000;

/** `save` waits so long for steps that are made again after a loss; then it gives the state before them. */
export const SAVE_REPLAY_LIMIT_MS = 20_000;

/** A helper thread of the wasm engine that has not answered by then is left out. */
export const THREAD_START_LIMIT_MS = 10_000;

/** Threads wait so long for one another; a step's longest stage is far shorter, even where they share a core. */
export const THREAD_SILENCE_LIMIT_MS = 20_000;

/** The worker's answer to the handshake, once its script is there and may run. */
export const HANDSHAKE_LIMIT_MS = 30_000;

/** The worker's script on its way. */
export const SCRIPT_LIMIT_MS = 600_000;

/**
 * A reset of a run that goes: it stops after its step or slice. Not below what helper threads wait for one
 * another.
 */
export const RESET_RUNNING_LIMIT_MS = 20_000;

/** A reset in every other state: the worker only has to hear it. */
export const RESET_LIMIT_MS = 10_000;
