/**
 * Handles responses that could not be sent as the app wrote them (`server/app/response-framing.ts`). Decides about their
 * connection, and logs once for each route and kind of fault: the fault is the code's, so it comes with every request.
 */

import { count } from "../../../errors/count.ts";
import { type FramingFault, installFraming } from "../../app/response-framing.ts";
import { type CarriesExchange, type Exchange, exchangeOf } from "../exchange.ts";

export interface FaultLog {
  readonly fields: object;
  readonly message: string;
  /** Identifies the place: route and kind. */
  readonly once: string;
}

export class FramingFaults {
  readonly #say: (log: FaultLog) => void;
  /** At most the number of routes times the number of kinds. */
  readonly #said = new Set<string>();

  constructor(say: (log: FaultLog) => void) {
    this.#say = say;
  }

  readonly misframed = (exchange: Exchange, fault: FramingFault): void => {
    // Too late: the client has its answer.
    if (exchange.refusal !== undefined || exchange.state === "ended") return;
    if (fault.kind !== "bad-length") exchange.connection.closing = true;
    if (fault.kind === "too-long") exchange.overlong = true;
    const { route, req, id } = exchange;
    const once = `${fault.kind} ${route.name}`;
    if (this.#said.has(once)) return;
    this.#said.add(once);
    const { kind, ...details } = fault;
    const fields = { id, method: req.method, url: req.url, route: route.name, fault: kind, ...details };
    this.#say({ fields, message: describeFault(fault), once });
  };
}

/** For the responses of this serving thread's own handlers. */
export function installExchangeFraming(misframed: FramingFaults["misframed"]): void {
  installFraming<Exchange>({
    ownerOf: (res) => (res as CarriesExchange)[exchangeOf],
    misframed,
    closes: ({ connection }) => {
      connection.closing = true;
    },
    cookie: ({ cookie, refusal }) => (refusal === undefined ? cookie : undefined),
  });
}

export function describeFault(fault: FramingFault): string {
  if (fault.kind === "bad-length")
    return `a response has the content-length ${JSON.stringify(fault.value)}, which is not a number of bytes. It was sent without content-length.`;
  if (fault.kind === "interim")
    return (
      `the app answered with status ${fault.status}, which is only informational (1xx). Its connection is closed. ` +
      "Use res.writeEarlyHints() or res.writeInformation(), and then a final answer; upgrades come as the server's upgrade event."
    );
  const { kind, declaredBytes, sentBytes, encoded } = fault;
  const isLong = kind === "too-long";
  return (
    `a response is ${isLong ? "longer" : "shorter"} than its content-length: it declares ${count(declaredBytes, "byte")}, and the app ` +
    `wrote ${sentBytes}${isLong ? " or more" : ""}. ` +
    (isLong
      ? "The rest was not sent, and its connection is closed. "
      : "Its connection is closed, so that the client sees that bytes are missing. ") +
    (encoded
      ? "fetch() decompresses what it gets: delete content-encoding and content-length from an answer that you pass on."
      : "content-length counts bytes, as Buffer.byteLength does, not characters. Leave it out, and it is set for you.")
  );
}
