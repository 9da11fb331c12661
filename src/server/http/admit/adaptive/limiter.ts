/** The contract of a limiter: a window of measurements in, the limit for the next window out. Pure: the clock is in the window. */

export interface Window {
  /** Its slot of the clock, and how long slots were. */
  readonly slot: number;
  readonly slotMs: number;
  /** The slot that has begun, for which the limit is. */
  readonly next: number;
  readonly endMs: number;
  /** Length of what was measured. */
  readonly lengthMs: number;
  /** Good answers. */
  readonly answers: number;
  /** Mean time from when a request began to the head of its response. */
  readonly meanMs: number;
  /** How many requests were in flight when one ended, on average. */
  readonly inFlight: number;
  /** The share of the arrivals that found the limit reached, 0 to 1. */
  readonly fullShare: number;
  /** Requests that were shed. */
  readonly shed: number;
}

export interface Bounds {
  readonly seed: number;
  readonly max: number;
}

export interface Limiter {
  /** A whole number from 1 to the max. */
  readonly limit: number;
  /** The time of a request on a server that is not overloaded, as far as it is known. */
  readonly baselineMs: number | undefined;
  update(window: Window): void;
  /** New bounds: the worker's share of the server's has changed. */
  resize(bounds: Bounds): void;
}
