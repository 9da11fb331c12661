/**
 * Request targets that are not a path (RFC 9112 §3.2): `*`, and a whole URL, which clients send to a proxy. An app never sees
 * a URL: its path replaces the target, and its authority replaces the `Host` header, which a server must ignore then (§3.2.2).
 * So a path has one spelling for routes, frameworks and the app's own checks, and an app's URL has one host.
 *
 * The parser accepts only these forms, with any scheme, and CONNECT's, which does not come here.
 */

import type { IncomingMessage } from "node:http";
import { isAuthority } from "./authority.ts";

/** For targets that do not begin with `/`. Rewrites the target to a path. False: it is invalid. */
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
  // `headers` is made from the raw ones, and node:http may have made it already.
  req.headers.host = host;
}
