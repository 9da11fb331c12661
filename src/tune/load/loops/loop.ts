/** What the closed and the open loop have in common. */
import type { Connection, Failure, Target } from "../http/connection.ts";
import type { ReadyRequest } from "../http/ready-request.ts";
import type { ResponseParser } from "../http/response-parser.ts";
import type { Deck } from "./deck.ts";
import type { MeasuredWindow } from "./window.ts";

export interface LoopOptions {
  readonly target: Target;
  readonly requests: readonly ReadyRequest[];
  readonly deck: Deck;
  readonly window: MeasuredWindow;
  readonly keepAlive: boolean;
  readonly timeoutMs: number;
  /** How much of each response is kept for `onCounted`. Default: nothing. */
  readonly keepBytes?: number;
  /** Every response whose latency counts. */
  readonly onCounted?: (response: ResponseParser) => void;
}

export interface RunningLoop {
  /** Ends requests that have waited too long. Called every now and then. */
  timeOut(nowMs: number): void;
  /** Begins no new requests. Resolves when those under way have ended. */
  drain(): Promise<void>;
  /** Ends what is still under way. */
  close(nowMs: number): void;
  /** The time that was spent waiting for the next send without sleeping, in ms. */
  readonly spunMs?: number;
}

/** How often `timeOut` is called. */
export function timeOutEveryMs(timeoutMs: number): number {
  return Math.min(LONGEST_CHECK_MS, timeoutMs / 4);
}

const LONGEST_CHECK_MS = 100;

/**
 * RFC 9112 §9.3.1: a client may repeat an idempotent request if a *reused* connection closes before any byte of the response. The
 * server has then closed an idle connection. Where this is frequent, it counts as errors (`MeasuredWindow.judgeRepeated`).
 */
export function canRepeat(connection: Connection, failure: Failure, request: ReadyRequest): boolean {
  return failure === "reset" && connection.answered > 0 && request.isIdempotent;
}
