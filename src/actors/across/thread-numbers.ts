/**
 * The numbers of threads in a server with several workers. Each worker has a number that the server never uses again, and each
 * of its threads has one within it: thread 2 of worker 3 is 3,000,000,002. Outside of a server the worker's number is 0, so a
 * thread has the number that the runtime gives it.
 */

/** Set by the arbiter for each worker: its number, and the path of the socket where the workers meet. */
export const ACTORS_VARIABLE = "HEDDLE_ACTORS";

/** More threads than a worker ever has. A power of ten: people can read such a number. */
const SPAN = 1_000_000_000;

export interface Seat {
  readonly worker: number;
  readonly path: string;
}

export function workerOf(thread: number): number {
  return Math.floor(thread / SPAN);
}

/** Its number within the worker. */
export function localOf(thread: number): number {
  return thread % SPAN;
}

export function threadNumber(worker: number, local: number): number {
  return worker * SPAN + local;
}

export function formatSeat({ worker, path }: Seat): string {
  return `${worker}:${path}`;
}

/** undefined: it is none. */
export function parseSeat(text: string | undefined): Seat | undefined {
  const [, worker, path] = /^([1-9]\d{0,6}):(.+)$/s.exec(text ?? "") ?? [];
  return worker === undefined || path === undefined ? undefined : { worker: Number(worker), path };
}

/** For messages: `thread 2`, and in a server `thread 2 of worker 3`. */
export function threadText(thread: number): string {
  const worker = workerOf(thread);
  return worker === 0 ? `thread ${thread}` : `thread ${localOf(thread)} of worker ${worker}`;
}
