/**
 * An exchange as a model sees it: the part of the pipeline's own class that models need. Models import this and not the
 * pipeline.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "../../errors/errors.ts";
import type { ExpectEvent } from "../app/load/load-app.ts";
import type { PoolSpec } from "./offload/shared/offload-protocol.ts";

export type ExchangeState = "received" | "queued" | "executing" | "forwarded" | "ended";

export interface HandledExchange {
  readonly id: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: { readonly name: string; readonly pool: PoolSpec | undefined; readonly timeoutMs: number };
  /** `closing`: it ends with the latest response. A model may set it, and never unsets it. */
  readonly connection: { closing: boolean; readonly stream: { readonly destroyed: boolean } };
  /** performance.now() of this thread when the head was parsed. */
  readonly receivedMs: number;
  /** performance.now() when its handler began. A model that queues the exchange sets it again. */
  executedMs: number;
  /** A model with a queue of its own sets "queued" and then "executing". */
  state: ExchangeState;
  readonly refusal: ErrorCode | undefined;
  readonly expects: ExpectEvent | undefined;
  /** undefined: the request has no body. */
  readonly body: ArrivingBody | undefined;
  /** The handler thread that runs it. */
  handler: number | undefined;
  /** The handler runs on another thread and may still ask for more of the body, even when the response is out. */
  isReadElsewhere: boolean;
  /** Why the handler was told to stop, if it was. */
  readonly abortReason: DOMException | undefined;
  /** Its client has left, or its time is over. */
  readonly aborted: boolean;
  /** Its thread drains. */
  readonly calledOff: boolean;
  /** Set by a model that must be told. Called as a method of the exchange. */
  onAbort: (() => void) | undefined;
  /** Set by a model that keeps something for the exchange. Called once, as its method, when the exchange has ended. */
  onEnded: (() => void) | undefined;
  /** What that model keeps, so that it needs no closure for each exchange. */
  kept: object | undefined;
}

/** The body of a request while it arrives. */
export interface ArrivingBody {
  /** Bytes that have arrived. */
  readonly bytes: number;
  /** Whether its request's buffer is full. */
  readonly isFull: boolean;
  /** Until `handOver`, nobody reads the body. Its request buffers `bufferBytes` of it, or its own default if that is more. */
  collect(bufferBytes: number, onArrival: () => void): void;
  /** From now on the app may read it. */
  handOver(): void;
}
