/**
 * What becomes of errors of the app on a serving thread: one of a handler is logged with its request; one that nobody catches taints
 * the thread, which is replaced. Its other requests go on.
 */

import { isHandledByApp } from "../../app/uncaught-exceptions.ts";
import { toWire } from "../../../errors/errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Pipeline } from "../../http/pipeline.ts";
import type { FromThread } from "./serving-protocol.ts";

type Tell = (message: FromThread) => void;

export function watchUncaught(pipeline: () => Pipeline | undefined, tell: Tell): void {
  let tainted = false;
  const own = (error: unknown): void => {
    if (isHandledByApp(own)) return;
    const running = pipeline();
    const exchange = running?.current();
    if (exchange !== undefined) running!.fail(exchange, error);
    if (tainted) return;
    tainted = true;
    tell({ type: "tainted", error: toWire(error) });
  };
  process.on("uncaughtException", own);
}

export function tellHandlerFailed(tell: Tell): (exchange: Exchange, error: unknown) => void {
  return (exchange, error) => {
    const fields = {
      id: exchange.id,
      method: exchange.req.method,
      url: exchange.req.url,
      route: exchange.route.name,
      err: toWire(error),
    };
    tell({ type: "log", level: "error", fields, message: "the handler failed" });
  };
}
