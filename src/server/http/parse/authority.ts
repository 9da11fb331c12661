/**
 * Checks the value of `Host`, and the authority of an absolute target: a host and perhaps a port (RFC 9110 §7.2).
 *
 * Narrower than the grammar of RFC 3986 in one respect. A fetch app builds a URL from it, so it must parse there, and must
 * still be the same host afterwards. So no percent-encoding (a URL decodes it), no number that only looks like an address
 * (`1.2.3` is 1.2.0.3 in a URL), no IPvFuture. No comma either: two hosts that a proxy has joined are not a host.
 */

/** The last one that passed: nearly every request of a thread names the same host. */
let known = "localhost";

/** Longer ones are not cached, so that a client can't use the cache to hold memory. */
const KEPT_CHARACTERS = 255;

/** Whether it is a non-empty host, with or without a port. */
export function isAuthority(value: string): boolean {
  if (value === known) return true;
  if (!isHostAndPort(value)) return false;
  if (value.length <= KEPT_CHARACTERS) known = value;
  return true;
}

function isHostAndPort(value: string): boolean {
  const [, host, port = ""] = HOST_AND_PORT.exec(value) ?? [];
  if (host === undefined || Number(port) > 65_535) return false;
  if (host.startsWith("[")) return URL.canParse(`http://${host}/`);
  return !READ_BY_URLS.test(host) || URL.parse(`http://${host}/`)?.hostname === host.toLowerCase();
}

/** An address in brackets, or RFC 3986's unreserved characters and sub-delims. The port may be empty. */
const HOST_AND_PORT = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+;=-]+)(?::(\d*))?$/i;

/** A last part that is a number (https://url.spec.whatwg.org/#ends-in-a-number-checker), or a name in Punycode. */
const READ_BY_URLS = /(?:^|\.)(?:(?:\d+|0x[\da-f]*)\.?$|xn--)/i;
