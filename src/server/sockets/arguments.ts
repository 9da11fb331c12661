/** What an app passes to a socket is checked here, once. */

import { inspect } from "node:util";
import { MAX_REASON_BYTES, type SocketData } from "./wire/frames.ts";
import { socketInvalid } from "./socket-invalid.ts";

/** `what`: the function, for the message. @throws SOCKET_INVALID */
export function mustBeData(data: unknown, what: string): asserts data is SocketData {
  if (typeof data === "string" || data instanceof ArrayBuffer || ArrayBuffer.isView(data)) return;
  const hint = "Send an object as text: JSON.stringify(value).";
  throw socketInvalid(what, "a string, an ArrayBuffer, or a view such as a Uint8Array", show(data), hint);
}

/** RFC 6455 §7.4, and IANA's registry. Not 1004 to 1006: these are never sent. @throws SOCKET_INVALID */
export function mustBeSendable(code: unknown, reason: unknown): void {
  const what = "socket.close()";
  if (!isSendable(code)) throw socketInvalid(what, "a code: 1000 to 1003, 1007 to 1014, or 3000 to 4999", show(code));
  if (typeof reason !== "string" || Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw socketInvalid(what, `a reason of at most ${MAX_REASON_BYTES} bytes`, show(reason));
  }
}

function isSendable(code: unknown): boolean {
  if (typeof code !== "number" || !Number.isInteger(code)) return false;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code < 5000);
}

export function show(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Infinity, maxStringLength: 100 });
}
