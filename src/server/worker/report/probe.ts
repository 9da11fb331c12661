/**
 * How the acceptor looks into a blocked thread: through the inspector, the thread evaluates an expression. It calls the
 * function that the thread has stored under this symbol. Both sides import the symbol from here.
 */

import type { ExchangeView } from "../serving/serving-protocol.ts";

export interface ProbeAnswer {
  /** The request that the blocked code runs for, if known. */
  readonly current: ExchangeView | undefined;
  readonly exchanges: readonly ExchangeView[];
  /** The thread's heartbeat and count of requests. If they moved, this is not the block that was reported. */
  readonly beatMs: number;
  readonly started: number;
}

const NAME = "heddle.probe";

export const PROBE_EXPRESSION: string = `globalThis[Symbol.for(${JSON.stringify(NAME)})]?.()`;

export function installProbe(probe: () => ProbeAnswer): void {
  Object.defineProperty(globalThis, Symbol.for(NAME), { value: probe, configurable: true });
}
