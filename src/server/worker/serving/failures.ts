/**
 * What becomes of errors of the app on a serving thread: one of a handler is logged with its request; one that nobody catches taints
 * the thread, which is replaced. Its other requests go on.
 */

import { isUncaughtAbort, UNCAUGHT_ABORT } from "../../app/abort-reasons.ts";
import { endsByError } from "../../app/process-end.ts";
import { isHandledByApp } from "../../app/uncaught-exceptions.ts";
import { HeddleError, toWire } from "../../../errors/errors.ts";
import { runQueue } from "../../../runtime/run-queue.ts";
import type { FailedRequest } from "../../http/exchange.ts";
import type { Pipeline } from "../../http/pipeline.ts";
import type { FromThread } from "./serving-protocol.ts";

type Tell = (message: FromThread) => void;

export function watchUncaught(pipeline: () => Pipeline | undefined, tell: Tell): void {
  let tainted = false;
  const own = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void => {
    if (isHandledByApp(own)) return;
    if (isUncaughtAbort(error, origin)) {
      tell({ type: "log", level: "warn", fields: {}, message: UNCAUGHT_ABORT, once: UNCAUGHT_ABORT });
      return;
    }
    if (endsByError((message) => tell({ type: "log", level: "error", fields: { err: toWire(error) }, message })))
      return;
    const running = pipeline();
    const exchange = running?.current();
    if (exchange !== undefined) running!.fail(exchange, error);
    if (tainted) return;
    tainted = true;
    tell({ type: "tainted", error: toWire(error) });
  };
  process.on("uncaughtException", own);
}

/** An actor was ended where others may have lost what they wait for: this copy of the app is drained and replaced. */
export function watchCuts(tell: (message: FromThread & { readonly type: "tainted" }) => void): void {
  let isTold = false;
  runQueue.onCutBeside = () => {
    if (isTold) return;
    isTold = true;
    const message =
      "an actor that held up its thread was ended after it had awaited something of Node's; others may have lost what they waited for at that moment";
    tell({ type: "tainted", error: toWire(new HeddleError("THREAD_QUARANTINED", message)) });
  };
}

export function tellHandlerFailed(tell: Tell): (request: FailedRequest, error: unknown) => void {
  return ({ id, req, route }, error) => {
    const fields = {
      ...(id !== undefined && { id }),
      method: req.method,
      url: req.url,
      route: route.name,
      err: toWire(error),
    };
    tell({ type: "log", level: "error", fields, message: "the handler failed" });
  };
}
