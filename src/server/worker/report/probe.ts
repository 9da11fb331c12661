/**
 * How the acceptor looks into a thread that is blocked: through the inspector the thread evaluates an
 * expression, which calls the function the thread has put under this symbol. Both sides agree on it here.
 */

import type { ExchangeView } from "../serving/serving-protocol.ts";

export interface ProbeAnswer {
  /** What the blocked code was doing it for, when that is known. */
  readonly current: ExchangeView | undefined;
  readonly exchanges: readonly ExchangeView[];
  /** The thread's heartbeat and count of requests: if they moved, this is not the stretch that was blocked. */
  readonly beatMs: number;
  readonly started: number;
}

const NAME = "heddle.probe";

export const PROBE_EXPRESSION: string = `globalThis[Symbol.for(${JSON.stringify(NAME)})]?.()`;

export function installProbe(probe: () => ProbeAnswer): void {
  Object.defineProperty(globalThis, Symbol.for(NAME), { value: probe, configurable: true });
}
