/**
 * Judges whether the client of an HTTP/2 stream takes its response, as admit/client-watch.ts judges that of a connection. A client
 * stops a single stream by its window, and then nothing is queued in the connection.
 *
 * Node tells neither of windows nor of a part of a write that has left. So a stream has stalled if something of it is queued and for the
 * write timeout none of its writes has left, and its connection has not taken PROGRESS_BYTES. A response that waits for its source has nothing
 * queued.
 */

import type { Http2Session, ServerHttp2Stream } from "node:http2";

/** More than what a session sends now and then beside responses. */
const PROGRESS_BYTES = 1024;
/** More than the answer to a PING takes, as a record of TLS. A client may send any number of them, and take nothing else. */
const PING_BYTES = 64;

/** How many PINGs the client of a session has sent. */
const pings = new WeakMap<Http2Session, number>();

export function countPings(session: Http2Session): void {
  session.on("ping", () => void pings.set(session, (pings.get(session) ?? 0) + 1));
}

export class StreamOutput {
  /** 0: nothing is queued. */
  #sinceMs = 0;
  #queuedBytes = 0;
  #takenBytes = 0;

  /** `sentBytes`: what its connection has taken. `writeTimeoutMs` 0: no limit. */
  hasStalled(
    stream: ServerHttp2Stream,
    isRequestComplete: boolean,
    sentBytes: number,
    writeTimeoutMs: number,
    nowMs: number,
  ): boolean {
    const answered = stream.session === undefined ? 0 : (pings.get(stream.session) ?? 0);
    const takenBytes = sentBytes - answered * PING_BYTES;
    const { writableLength, writableEnded, writableFinished } = stream;
    // A stream that sends a file has finished as soon as it begins, and closes at its end.
    const isQueued = writableLength > 0 || (writableEnded && (!writableFinished || isRequestComplete));
    const progressed = writableLength < this.#queuedBytes || takenBytes - this.#takenBytes >= PROGRESS_BYTES;
    this.#queuedBytes = writableLength;
    if (isQueued && !progressed && this.#sinceMs !== 0)
      return writeTimeoutMs > 0 && nowMs - this.#sinceMs > writeTimeoutMs;
    this.#sinceMs = isQueued ? nowMs : 0;
    this.#takenBytes = takenBytes;
    return false;
  }
}
