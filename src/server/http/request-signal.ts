/**
 * `req.signal`, extended: Node's own aborts when the client goes away; under heddle it also aborts when the request
 * times out, and it is the exchange's one signal whoever asks for it.
 */

import { replaceSignal } from "../../platform/node-internals/requests.ts";
import { type CarriesExchange, exchangeOf } from "./exchange.ts";

export function installRequestSignal(): void {
  replaceSignal((req) => (req as CarriesExchange)[exchangeOf]?.signal);
}
