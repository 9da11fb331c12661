/** The start data of the threads of `soak.test.ts`. */

import type { LinkEnd } from "../../../../src/server/models/offload/shared/offload-protocol.ts";
import type { Seat } from "../../../../src/supervise/slot-table.ts";

export type SoakModel = "threads" | "tasks";

export interface SoakHandlerData {
  readonly role: "handler";
  readonly model: SoakModel;
  readonly board: SharedArrayBuffer;
  readonly seat: Seat;
  readonly links: readonly LinkEnd[];
}

export interface SoakServerData {
  readonly role: "server";
  readonly model: SoakModel;
  readonly board: SharedArrayBuffer;
  readonly line: SharedArrayBuffer;
  readonly links: readonly { readonly id: number; readonly link: LinkEnd }[];
  readonly requests: number;
  readonly seed: number;
}

export interface SoakResult {
  readonly answered: number;
  readonly shed: number;
  readonly left: number;
  /** What should not have happened. */
  readonly faults: readonly string[];
}

/** What is asked of a handler: to compute for so many microseconds, and to answer with so many bytes. */
export function bodyOf(url: string): string {
  const [, id, , bytes] = url.split("/");
  return `${id}:`.padEnd(Number(bytes), "x");
}
