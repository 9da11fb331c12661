/**
 * The URL of a fetch app's request. srvx makes one too, but rejects some valid hosts: it turns `example.com.`, `a!b` and `foo:`
 * into `_invalid_`. The host here was checked (server/http/parse/authority.ts): it parses, and stays the same host.
 */

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { FastURL } from "srvx/node";

/** The last host: as it was sent, and as URLs write it. */
let sent = "";
let written = "";

export function urlOf(req: IncomingMessage): URL {
  const { socket, headers } = req;
  const protocol = "encrypted" in socket && socket.encrypted === true ? "https:" : "http:";
  const host = hostOf(protocol, req.httpVersionMajor === 2 ? authorityOf(headers) : headers.host, req);
  // `*` (OPTIONS) gets its own path, so that it differs from `/`.
  const target = req.url === "*" ? "/*" : req.url!;
  const query = target.indexOf("?");
  const pathname = query === -1 ? target : target.slice(0, query);
  return new FastURL({ protocol, host, pathname, search: query === -1 ? "" : target.slice(query) });
}

/** HTTP/2 names the host by itself; `host` is for clients that translate HTTP/1 (RFC 9113 §8.3.1). */
function authorityOf(headers: IncomingHttpHeaders): string | undefined {
  return (headers[":authority"] as string | undefined) ?? headers.host;
}

function hostOf(protocol: string, host: string | undefined, { socket }: IncomingMessage): string {
  if (host === undefined || host === "") return localHost(socket.localAddress, socket.localPort);
  if (PLAIN_HOST.test(host)) return host;
  const key = `${protocol}//${host}`;
  if (key !== sent) {
    written = URL.parse(`${key}/`)?.host ?? "localhost";
    sent = key;
  }
  return written;
}

/** A host that URLs leave unchanged: no capitals, no default or empty port, no address. */
const PLAIN_HOST = /^[a-z\d_.-]*[a-z_-](?::(?!0|80$|443$)\d+)?$/;

/** HTTP/1.0 need not send a host. A Unix socket has no address either. */
function localHost(address: string | undefined, port: number | undefined): string {
  if (address === undefined || address === "") return "localhost";
  return `${address.includes(":") ? `[${address}]` : address}:${port ?? 80}`;
}
