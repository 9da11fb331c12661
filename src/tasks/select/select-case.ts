/** The parts of a select, on one thread or across several. */

import type { Transferable } from "node:worker_threads";
import type { ChannelCore, Received } from "../channel/channel-core.ts";

export type AnyCase = {
  /** Undefined: the nil channel, which is never ready. */
  readonly core: ChannelCore<unknown> | undefined;
  readonly run: (received: Received<unknown>) => unknown;
} & (
  | { readonly direction: "receive" }
  | { readonly direction: "send"; readonly value: unknown; readonly transfer: readonly Transferable[] }
);

export type SendCase = Extract<AnyCase, { readonly direction: "send" }>;

export interface Happened {
  readonly case: AnyCase;
  readonly received: Received<unknown>;
}

/** In random order. Every order is equally likely. */
export function shuffle<T>(values: readonly T[]): T[] {
  const shuffled = [...values];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    const moved = shuffled[i]!;
    shuffled[i] = shuffled[j]!;
    shuffled[j] = moved;
  }
  return shuffled;
}
