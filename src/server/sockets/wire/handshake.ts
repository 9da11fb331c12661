/**
 * Decides about a WebSocket's opening handshake (RFC 6455 §4.2). Pure. That it is a GET of HTTP/1.1 with `Upgrade: websocket` and
 * `Connection: upgrade` was checked before: anything else is an ordinary request, for the app.
 */

import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { ResolvedOptions } from "../socket-options.ts";
import type { Refusal } from "../socket-host.ts";

export type Judgement =
  | { readonly type: "accepted"; readonly key: string; readonly protocol: string }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;
const VERSION = "13";

export function judgeHandshake(
  headers: IncomingHttpHeaders,
  { origins, protocols }: Pick<ResolvedOptions, "origins" | "protocols">,
): Judgement {
  if (headers["sec-websocket-version"] !== VERSION) {
    return refused(426, { upgrade: "websocket", "sec-websocket-version": VERSION });
  }
  const key = headers["sec-websocket-key"] ?? "";
  if (!KEY.test(key)) return refused(400);
  if (!isFromAllowedPage(headers, origins)) return refused(403);
  const offered = headers["sec-websocket-protocol"];
  if (offered === undefined) return { type: "accepted", key, protocol: "" };
  const names = offered.split(",").map((name) => name.trim());
  if (!names.every((name) => TOKEN.test(name)) || new Set(names).size < names.length) return refused(400);
  return { type: "accepted", key, protocol: protocols.find((name) => names.includes(name)) ?? "" };
}

const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

/**
 * Behind a proxy that does TLS the page's scheme and ours differ, so `same` compares hosts and ports only, as the page's browser
 * has sent both.
 */
function isFromAllowedPage({ origin, host }: IncomingHttpHeaders, origins: ResolvedOptions["origins"]): boolean {
  if (origin === undefined || origins === "any") return true;
  if (origins !== "same") return origins.includes(origin);
  const page = URL.parse(origin);
  // A port that is the scheme's own may be written or not.
  return page !== null && host !== undefined && page.host === URL.parse(`${page.protocol}//${host}`)?.host;
}

function refused(status: number, headers: Readonly<Record<string, string>> = {}): Judgement {
  return { type: "refused", refusal: { status, headers } };
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The response that switches protocols. */
export function switching(key: string, protocol: string, extensions: string | undefined): string {
  return (
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n" +
    `sec-websocket-accept: ${hash("sha1", key + GUID, "base64")}\r\n` +
    (protocol === "" ? "" : `sec-websocket-protocol: ${protocol}\r\n`) +
    (extensions === undefined ? "" : `sec-websocket-extensions: ${extensions}\r\n`) +
    "\r\n"
  );
}
