/**
 * A client's actions on one connection: the requests it sends, how it cuts their bytes, when it waits and how it ends. Plain
 * data, so that it can be generated, shrunk, printed and judged.
 */

import type { FaultName } from "./faults.ts";

/** What the app does with a request: test/fixtures/fuzz/ has a handler for each. */
export type Route =
  | "whole"
  | "half"
  | "none"
  | "iterate"
  | "pipeline"
  | "early"
  | "slow"
  | "stream"
  | "throw"
  | "reject"
  | "late"
  | "destroy";

export type Content = "bytes" | "requests";

export type BodySpec =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number; readonly content: Content }
  | {
      readonly kind: "chunked";
      readonly bytes: number;
      readonly content: Content;
      /** Taken in turn until all bytes are out. */
      readonly chunkSizes: readonly number[];
      /** Between each size and its line end. */
      readonly extension: string;
      /** Before each size. */
      readonly zeros: number;
      readonly upperCase: boolean;
      readonly trailers: readonly string[];
    };

/** A write ends at this share of the request's bytes; the next one comes this much later (0: in the loop's next turn). */
export interface Cut {
  readonly at: number;
  readonly pauseMs: number;
}

export interface RequestSpec {
  readonly method: string;
  readonly version: "1.1" | "1.0";
  readonly form: "origin" | "absolute" | "asterisk";
  readonly route: Route;
  /** How much of what the route does; of some routes, which variant. */
  readonly amount: number;
  readonly host: string;
  /** Whole lines that change nothing. */
  readonly extra: readonly string[];
  /** The value of `connection`, if there is one. */
  readonly connection: string | undefined;
  readonly body: BodySpec;
  /** `Expect: 100-continue`, and whether the client waits before it sends the body. */
  readonly expect: "no" | "waits" | "goes on";
  /** What makes it no valid request. */
  readonly fault: FaultName | undefined;
  /** Sent when everything before it was answered; else right behind what comes before. */
  readonly waits: boolean;
  /** Empty lines before the request line, which a server ignores (RFC 9112 §2.2). */
  readonly emptyLines: number;
  readonly cuts: readonly Cut[];
}

export type End =
  /** All answers come, then the client closes its side. */
  | { readonly kind: "waits" }
  /** The client closes its side right behind the last byte. */
  | { readonly kind: "half-closes" }
  /** All answers come, then the client resets the connection. */
  | { readonly kind: "resets" }
  /** The last request breaks off at this share of its bytes; the client then closes its side, or says no more. */
  | { readonly kind: "breaks off"; readonly at: number; readonly next: "half-closes" | "stalls" }
  /** The connection is gone from the client's side at this share of the last request, whatever is still due. */
  | { readonly kind: "vanishes"; readonly at: number }
  /** One byte of the last request's head is another; the client closes its side behind it. */
  | { readonly kind: "garbles"; readonly at: number; readonly byte: number };

export interface Script {
  readonly requests: readonly RequestSpec[];
  readonly end: End;
  /** The client does not read for so long from its first byte on. */
  readonly readsAfterMs: number;
}

/** How many of its bytes a request that breaks off has sent: at least one, and never all. */
export function sentOf(bytes: number, at: number): number {
  return Math.min(1 + Math.floor(at * (bytes - 1)), bytes - 1);
}
