/**
 * The path of a request target, in the form in which routes are compared (config/routes/path-form.ts). The app gets the target
 * as the client sent it.
 *
 * Invariant: a plain path costs one look at each of its characters and allocates nothing.
 */

import { needsRewriting, pathForm } from "../../../config/routes/path-form.ts";

/** What a character means for the path: nothing, its end, a rewrite, or perhaps a dot segment. */
const PLAIN = 0;
const END = 1;
const REWRITE = 2;
const DOT = 3;

const kindOf = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (character === "?" || character === "#") return END;
  if (character === ".") return DOT;
  return needsRewriting(character) ? REWRITE : PLAIN;
});

const SLASH = 0x2f;

/**
 * Takes `/a?b` as well as `http://host/a?b`, which proxies send (RFC 9112 §3.2.2). Returns "" for a target without a path, such
 * as `*`.
 */
export function pathOf(target: string): string {
  const start = target.charCodeAt(0) === SLASH ? 0 : endOfAuthority(target);
  if (start === undefined) return "";
  let plain = true;
  let end = start;
  for (; end < target.length; end++) {
    const code = target.charCodeAt(end);
    const kind = code < kindOf.length ? kindOf[code] : REWRITE;
    if (kind === PLAIN) continue;
    if (kind === END) break;
    if (kind === REWRITE || target.charCodeAt(end - 1) === SLASH) plain = false;
  }
  if (end === start) return "/";
  const path = start === 0 && end === target.length ? target : target.slice(start, end);
  return plain ? path : pathForm(path);
}

/** The URL parser accepts any number of slashes and backslashes in place of the two in `http://`. */
function endOfAuthority(target: string): number | undefined {
  return /^(?:https?:[/\\]*|[a-z][a-z\d+.-]*:\/\/)[^/\\?#]*/i.exec(target)?.[0].length;
}
