/** What is replaced on a stream of Node's HTTP/2 server. */

import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";

/** Error codes of RFC 9113 §7. */
export const CLOSE = { noError: 0, internalError: 2, cancel: 8 } as const;

type Respond = (headers: OutgoingHttpHeaders | readonly string[] | undefined, options: unknown) => void;

/** `respond` and the two that send a file. Node's response object uses the first. */
export function replaceRespond(stream: ServerHttp2Stream, replacement: (respond: Respond) => Respond): void {
  const respond = replacement((...args) => void Reflect.apply(originalOf(stream, "respond"), stream, args));
  Object.assign(stream, { respond });
  for (const name of ["respondWithFile", "respondWithFD"] as const) {
    const original = originalOf(stream, name);
    Object.assign(stream, {
      [name]: (what: unknown, headers: OutgoingHttpHeaders | undefined, options: unknown) =>
        replacement((...args) => void Reflect.apply(original, stream, [what, ...args]))(headers, options),
    });
  }
}

/** Counts a body as Node delivers it. `push` is called in place of the stream's own. */
export function replaceStreamPush(
  stream: ServerHttp2Stream,
  replacement: (push: (chunk: unknown) => boolean) => (chunk: unknown) => boolean,
): void {
  const original = originalOf(stream, "push");
  Object.assign(stream, {
    push: replacement((...args) => Reflect.apply(original, stream, args) as boolean),
  });
}

/** heddle has answered: what the handler still does with the stream goes nowhere, and throws nothing. */
export function muteStream(stream: ServerHttp2Stream): void {
  Object.assign(stream, {
    respond: nothing,
    respondWithFile: nothing,
    respondWithFD: nothing,
    additionalHeaders: nothing,
    pushStream: nothing,
    sendTrailers: nothing,
    write(...args: readonly unknown[]): boolean {
      callBack(args);
      return true;
    },
    end(...args: readonly unknown[]): ServerHttp2Stream {
      callBack(args);
      return stream;
    },
  });
}

function originalOf(stream: ServerHttp2Stream, name: string): (...args: readonly unknown[]) => unknown {
  return Reflect.get(Object.getPrototypeOf(stream) as object, name) as (...args: readonly unknown[]) => unknown;
}

function nothing(): void {}

function callBack(args: readonly unknown[]): void {
  const done = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
  if (done !== undefined) process.nextTick(done);
}
