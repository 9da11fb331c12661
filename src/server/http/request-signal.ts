/**
 * `req.signal`, extended. Node's own aborts when the client goes away. Under heddle it also aborts when the request times
 * out. All users of the request share the exchange's one signal.
 */

import { replaceSignal } from "../../platform/node-internals/requests.ts";
import { type CarriesExchange, exchangeOf } from "./exchange.ts";

export function installRequestSignal(): void {
  replaceSignal((req) => (req as CarriesExchange)[exchangeOf]?.signal);
}
