/**
 * The URL of a fetch app's request. srvx makes one too, but knows fewer hosts than there are: it calls `example.com.`, `a!b`
 * and `foo:` `_invalid_`. What comes here was checked (server/http/parse/authority.ts): it parses, and stays the host it is.
 */

import type { IncomingMessage } from "node:http";
import { FastURL } from "srvx/node";

/** The last one: as it was sent, and as URLs write it. */
let sent = "";
let written = "";

export function urlOf(req: IncomingMessage): URL {
  const { socket, headers } = req;
  const protocol = "encrypted" in socket && socket.encrypted === true ? "https:" : "http:";
  const host = hostOf(protocol, headers.host, req);
  // `*`, of OPTIONS: its own path, so that it is not taken for the one of `/`.
  const target = req.url === "*" ? "/*" : req.url!;
  const query = target.indexOf("?");
  const pathname = query === -1 ? target : target.slice(0, query);
  return new FastURL({ protocol, host, pathname, search: query === -1 ? "" : target.slice(query) });
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

/** Nothing that URLs write otherwise: capitals, a default or empty port, addresses. */
const PLAIN_HOST = /^[a-z\d_.-]*[a-z_-](?::(?!0|80$|443$)\d+)?$/;

/** HTTP/1.0 need not say whom it means. On a Unix socket there is nothing to say it with. */
function localHost(address: string | undefined, port: number | undefined): string {
  if (address === undefined || address === "") return "localhost";
  return `${address.includes(":") ? `[${address}]` : address}:${port ?? 80}`;
}
