/** The requests that each kind of client sends; bench/apps/mixed.ts answers all of them. */
import type { RequestKind } from "./http-client.ts";
import type { Kind } from "./report.ts";

export type HttpKind = Exclude<Kind, "webSockets">;

export const DEFAULT_PATHS: Readonly<Record<HttpKind, string>> = {
  keepAlive: "/",
  newConnections: "/",
  uploads: "/upload",
  slow: "/slow",
  streams: "/stream",
};

/** 10 KiB over 450 ms: long enough that a reload nearly always hits several of them. */
const PIECES = { count: 10, bytes: Buffer.alloc(1024, "x"), everyMs: 50 };

export function requestOf(kind: HttpKind, host: string, path: string): RequestKind {
  const head = (method: string, ...fields: string[]): Uint8Array =>
    Buffer.from([`${method} ${path} HTTP/1.1`, `host: ${host}`, ...fields, "", ""].join("\r\n"), "latin1");
  const get = { kind, idempotent: true, request: { bytes: head("GET") } };
  if (kind === "streams") return { ...get, reuse: false };
  if (kind === "newConnections") return { ...get, reuse: false, request: { bytes: head("GET", "connection: close") } };
  if (kind !== "uploads") return { ...get, reuse: true };
  const length = PIECES.count * PIECES.bytes.length;
  const request = { bytes: head("POST", `content-length: ${length}`), pieces: PIECES };
  return { kind, idempotent: false, reuse: false, request, expectedBody: String(length) };
}
