/**
 * `req.signal`, extended: Node's own aborts when the client goes away; under heddle it also aborts when the request
 * times out, and it is the exchange's one signal whoever asks for it.
 *
 * The getter is replaced on the prototype, not on each request: a property per request costs more than all of the gate,
 * and Express swaps a request's prototype for one that still inherits from this one.
 */

import type { IncomingMessage } from "node:http";
import { http } from "../../platform/http.ts";
import { type CarriesExchange, exchangeOf } from "./exchange.ts";

export function installRequestSignal(): void {
  const native = Object.getOwnPropertyDescriptor(http.IncomingMessage.prototype, "signal");
  Object.defineProperty(http.IncomingMessage.prototype, "signal", {
    configurable: true,
    enumerable: native?.enumerable ?? false,
    get(this: IncomingMessage & CarriesExchange): AbortSignal | undefined {
      const exchange = this[exchangeOf];
      return exchange === undefined ? native?.get?.call(this) : exchange.signal;
    },
  });
}
