/**
 * Informational messages (1xx) of a response whose turn on its connection has not come. node:http may put the head of the
 * response before them, and the client then takes them for its body. Here they are kept until the response has the socket.
 */

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { http } from "../../../platform/http.ts";

type WriteRaw = (
  this: ServerResponse,
  data: string | Uint8Array,
  encoding?: BufferEncoding | null,
  callback?: () => void,
  bytes?: number,
) => boolean;

/** What node:http writes all bytes with; as long as there is no head, they are informational. */
type RawResponse = ServerResponse & { _writeRaw: WriteRaw; readonly _header: string | null };

const { _writeRaw: writeRaw } = http.ServerResponse.prototype as RawResponse;

/** For a response that waits for those before it. */
export function informInTurn(response: ServerResponse): void {
  const res = response as RawResponse;
  const kept: Parameters<WriteRaw>[] = [];
  // oxlint-disable no-underscore-dangle -- node:http's names
  res._writeRaw = (...args) => {
    if (res._header !== null) return writeRaw.apply(res, args);
    kept.push(args);
    return true;
  };
  // Told before anything of the response goes to the socket.
  res.once("socket", (socket: Socket) => {
    Reflect.deleteProperty(res, "_writeRaw");
    // The answer itself says more.
    if (res.writableEnded || res.destroyed) return;
    for (const [data, encoding, callback] of kept) socket.write(data, encoding ?? undefined, callback);
  });
  // oxlint-enable no-underscore-dangle
}
