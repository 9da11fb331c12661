/**
 * What may stand in `Host`, and before the path of an absolute target: a host and perhaps a port (RFC 9110 §7.2).
 *
 * Narrower than the grammar of RFC 3986 in one respect: a fetch app builds a URL of it, so what passes must parse there, and
 * must be that same host afterwards. So no percent-encoding (decoded there), no number that only looks like an address
 * (`1.2.3` is 1.2.0.3 there), no IPvFuture. And no comma: two hosts that a proxy has joined are no host.
 */

/** The last one that passed: nearly every request of a thread names the same. */
let known = "localhost";

/** Longer ones are looked at anew; what is kept must not be a way to hold memory. */
const KEPT_CHARACTERS = 255;

/** Whether it is a host that is not empty, with or without a port. */
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

/** An address in brackets; or RFC 3986's unreserved characters and sub-delims. The port may be empty. */
const HOST_AND_PORT = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+;=-]+)(?::(\d*))?$/i;

/** A last part that is a number (https://url.spec.whatwg.org/#ends-in-a-number-checker), or a name in Punycode. */
const READ_BY_URLS = /(?:^|\.)(?:(?:\d+|0x[\da-f]*)\.?$|xn--)/i;
