/**
 * Input that is not HTTP, is too long, or comes too late. First the earlier requests are answered. Then the input is refused, as
 * the last answer on the connection.
 */

import type { Duplex } from "node:stream";
import type { ErrorCode } from "../../../errors/errors.ts";
import { keepUntilResumed, requestOn, responseOn } from "../../../platform/node-internals/connections.ts";
import { type CarriesExchange, exchangeOf } from "../exchange.ts";
import { refuseSocket } from "../respond/respond.ts";
import { type CarriesConnection, connectionOf } from "./connection-context.ts";
import { isInHead, type ParserError, refusalFor } from "./parser-errors.ts";

export class BrokenInput {
  /** Their later input is ignored. */
  readonly #sockets = new WeakSet<Duplex>();

  refuse(error: ParserError, socket: Duplex): void {
    // node:http tells here also with which error the app has destroyed the connection.
    if (socket.destroyed || this.#sockets.has(socket)) return;
    if (error.code === "HPE_PAUSED" && keepUntilResumed(socket, error.rawPacket!)) return;
    if (error.code !== "HPE_JS_EXCEPTION") return this.#refuseNow(error, socket);
    // Code that ran inside of the parser was ended (runtime/interruption.ts). Its own request is told in an immediate, before this one.
    this.#sockets.add(socket);
    setImmediate(() => this.#refuseNow(error, socket));
  }

  #refuseNow(error: ParserError, socket: Duplex): void {
    const code = refusalFor(error);
    const incoming = requestOn(socket);
    const exchange = incoming?.complete === false ? (incoming as CarriesExchange)[exchangeOf] : undefined;
    // A client that leaves in the middle of its only request does not wait for an answer.
    const hasLeft = error.code === "HPE_INVALID_EOF_STATE" && exchange?.connection.active === 1;
    if (code === undefined || hasLeft) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    if (exchange !== undefined) {
      if (code !== "HANDLER_LOST") exchange.refuse(code, "the rest of the request was not HTTP");
      else if (exchange.refusal === undefined) {
        exchange.refuse(
          code,
          "the rest of the request could not be read, because code that held up the thread was ended",
        );
      }
      return;
    }
    const context = (socket as CarriesConnection)[connectionOf];
    if (context !== undefined) {
      context.hasMore = true;
      // The last answer is out or due, so nothing after it is answered.
      if (context.closing || error.code === "HPE_CLOSED_CONNECTION") return;
      context.refusesInTurn = context.active > 0;
    }
    refuseInTurn(socket, code, isInHead(error));
  }
}

/** Not behind an answer that was the last one: whoever said so ends the connection, and its body may end only with it. */
function refuseInTurn(socket: Duplex, code: ErrorCode, isHead: boolean): void {
  const answering = responseOn(socket);
  if (socket.writableEnded || (socket as Duplex & CarriesConnection)[connectionOf]?.closing === true) return;
  if (answering === undefined) refuseSocket(socket, code, isHead);
  else answering.once("close", () => refuseInTurn(socket, code, isHead));
}
