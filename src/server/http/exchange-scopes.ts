/**
 * The scopes of requests whose handlers run on this serving thread (`server/app/request-scope.ts`). Nothing is kept for a request
 * whose handler asks for none.
 *
 * The handler's request must be passed: on this thread no async context names it, only its connection.
 */

import { HeddleError, toWire } from "../../errors/errors.ts";
import {
  endScope,
  type HandlerClass,
  installRequests,
  type RequestScope,
  type ScopedRequest,
} from "../app/request-scope.ts";
import { type CarriesExchange, type Exchange, exchangeOf } from "./exchange.ts";

const scoped = new WeakMap<Exchange, ScopedExchange>();

/** `warn`: something that the app should not do. */
export function installExchangeScopes(warn: (message: string, fields?: object) => void): void {
  installRequests({
    of: (req) => {
      const exchange = (req as CarriesExchange)[exchangeOf];
      if (exchange === undefined) return undefined;
      let known = scoped.get(exchange);
      if (known === undefined) scoped.set(exchange, (known = new ScopedExchange(exchange, warn)));
      return known;
    },
    current: () => undefined,
  });
}

class ScopedExchange implements ScopedRequest {
  readonly #exchange: Exchange;
  readonly #warn: (message: string, fields?: object) => void;
  #scope: RequestScope | undefined;

  constructor(exchange: Exchange, warn: (message: string, fields?: object) => void) {
    this.#exchange = exchange;
    this.#warn = warn;
  }

  get scope(): RequestScope | undefined {
    return this.#scope;
  }

  /** Ends with the exchange. */
  set scope(scope: RequestScope | undefined) {
    this.#scope = scope;
    const exchange = this.#exchange;
    const { onEnded } = exchange;
    if (exchange.state === "ended") this.#end();
    else
      exchange.onEnded = () => {
        // A model's, which finds what it keeps through `this`.
        onEnded?.call(exchange);
        this.#end();
      };
  }

  #end(): void {
    void endScope(this, this.#warn)?.then((failure) => {
      if (failure === undefined) return;
      this.#warn(`${this.routeName}: a task of the request's group failed when the request was over`, {
        err: toWire(failure),
      });
    });
  }

  get signal(): AbortSignal {
    return this.#exchange.signal;
  }

  get deadline(): number | undefined {
    const { route, executedMs } = this.#exchange;
    return route.timeoutMs === 0 ? undefined : Date.now() - (performance.now() - executedMs) + route.timeoutMs;
  }

  get routeName(): string {
    const { req, route } = this.#exchange;
    return route.name.includes(" ") ? route.name : `${req.method} ${route.name}`;
  }

  /** Here a handler that only waits is what all are, but one that computes delays the others of its event loop. */
  async reclassify(as: HandlerClass): Promise<void> {
    const { model } = this.#exchange.route;
    if (as === "tasks" || model === "sync") return;
    throw new HeddleError(
      "RECLASSIFY_REFUSED",
      `reclassify("threads") under the model ${model}: the handler runs on the event loop of its connection, which has nowhere else to go.`,
      { hint: `Give the route the model tasks or threads: routes: { "${this.routeName}": { model: "threads" } }.` },
    );
  }
}
