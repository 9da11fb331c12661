/**
 * An exchange as a model sees it: what the pipeline's own class must have, and nothing else of it. Models import this
 * and not the pipeline.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { ErrorCode } from "../../errors/errors.ts";
import type { ExpectEvent } from "../app/load/load-app.ts";
import type { PoolSpec } from "./offload/shared/offload-protocol.ts";

export type ExchangeState = "received" | "queued" | "executing" | "ended";

export interface HandledExchange {
  readonly id: string;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly route: { readonly pool: PoolSpec | undefined; readonly timeoutMs: number };
  /** `closing`: it ends with the latest response. A model may set it, and never takes it back. */
  readonly connection: { closing: boolean; readonly stream: { readonly destroyed: boolean } };
  /** performance.now() of this thread when the head was parsed. */
  readonly receivedMs: number;
  /** performance.now() when its handler began. A model that queues it sets it again. */
  executedMs: number;
  /** A model with a queue of its own sets "queued" and then "executing". */
  state: ExchangeState;
  readonly refusal: ErrorCode | undefined;
  readonly expects: ExpectEvent | undefined;
  /** undefined: the request has no body. */
  readonly body: ArrivingBody | undefined;
  /** The handler thread that has it. */
  handler: number | undefined;
  /** The handler on another thread may ask for more of the body, also when the response is out. */
  isReadElsewhere: boolean;
  /** Why the handler was told to stop, if it was. */
  readonly abortReason: DOMException | undefined;
  /** Its client has gone, or its time is over. */
  readonly aborted: boolean;
  /** Its thread drains. */
  readonly calledOff: boolean;
  /** For a model whose handler is elsewhere and must be told. */
  onAbort: (() => void) | undefined;
  /** For a model that keeps something for it. Called once, when it has ended. */
  onEnded: (() => void) | undefined;
}

/** The body of a request while it arrives. */
export interface ArrivingBody {
  /** So much of it has come. */
  readonly bytes: number;
  /** Its request's buffer takes no more. */
  readonly isFull: boolean;
  /** Until it is handed over nobody reads it, and its request's buffer takes `bufferBytes` of it, or what it takes anyway. */
  collect(bufferBytes: number, onArrival: () => void): void;
  /** From now on the app may read it. */
  handOver(): void;
}
