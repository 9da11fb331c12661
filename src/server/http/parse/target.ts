/**
 * Request targets that are no path (RFC 9112 §3.2): `*`, and a whole URL, as clients send it to a proxy. An app never sees the
 * second: its path takes its place, and its authority that of the `Host` header, which §3.2.2 has a server ignore then.
 * So a path has one spelling for routes, frameworks and the checks an app makes, and an app's URL one host.
 *
 * The parser lets only these forms pass, of any scheme, and CONNECT's, which does not come here.
 */

import type { IncomingMessage } from "node:http";
import { isAuthority } from "./authority.ts";

/** For targets that do not begin with `/`: false if it is none. Its form is put into that of a path. */
export function settleTarget(req: IncomingMessage): boolean {
  const { method, url } = req;
  if (url === "*") return method === "OPTIONS";
  const [, authority, rest] = /^https?:\/\/([^/?]*)(.*)$/i.exec(url!) ?? [];
  if (authority === undefined || rest === undefined || !isAuthority(authority)) return false;
  replaceHost(req, authority);
  if (rest === "") req.url = method === "OPTIONS" ? "*" : "/";
  else req.url = rest.startsWith("/") ? rest : `/${rest}`;
  return true;
}

function replaceHost(req: IncomingMessage, host: string): void {
  const { rawHeaders } = req;
  let at = 0;
  while (at < rawHeaders.length && rawHeaders[at]!.toLowerCase() !== "host") at += 2;
  if (at === rawHeaders.length) rawHeaders.push("Host", host);
  else rawHeaders[at + 1] = host;
  // Made of the raw ones, and node:http may have made them already.
  req.headers.host = host;
}
