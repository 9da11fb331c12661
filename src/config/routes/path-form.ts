/**
 * The one form of a path in which requests and routes are compared. Pure; never throws.
 *
 * It is the path that the WHATWG URL parser makes, which is what fetch apps see, and beyond that what RFC 3986 §6.2.2 calls
 * equivalent: `%7E` is `~`, and the digits of every other `%2f` are upper case. So: dot segments are gone, also those
 * written `%2e`; a backslash is a slash; what may not stand in a path is percent-encoded as UTF-8. `%2F` is no slash, `//`
 * stays, and a `%` without two hex digits is the text `%25`.
 *
 * Invariant: the form of a form is itself, so that URLPattern, which parses what it is given once more, changes nothing.
 */

/** What the URL parser encodes in a path, and `%` and `\`, which may have to be written in another way. */
const REWRITTEN = /%[\dA-Fa-f]{2}|[%\\"<>^`{}]|[^\x21-\x7e]/gu;
const ENCODED_UNRESERVED = /^[\w.~-]$/;

/** The URL parser drops these wherever they are. */
const DROPPED = /[\t\n\r]+/g;

/** `path` has no query and begins with a slash, or with what the URL parser takes for one. */
export function pathForm(path: string): string {
  return withoutDots(path.replace(DROPPED, "").replace(REWRITTEN, (part) => (part === "\\" ? "/" : textForm(part))));
}

/** One character, or one `%` with what belongs to it; never a part of the path's structure. */
export function textForm(part: string): string {
  if (part === "%") return "%25";
  if (part.length === 3 && part.startsWith("%")) {
    const character = String.fromCharCode(Number.parseInt(part.slice(1), 16));
    return ENCODED_UNRESERVED.test(character) ? character : part.toUpperCase();
  }
  return needsRewriting(part) ? encodeURIComponent(part.toWellFormed()) : part;
}

export function needsRewriting(character: string): boolean {
  REWRITTEN.lastIndex = 0;
  return REWRITTEN.test(character);
}

/** RFC 3986 §5.2.4. */
function withoutDots(path: string): string {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/");
  const last = segments.length - 1;
  for (let i = 1; i <= last; i++) {
    const segment = segments[i]!;
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (i === last && (segment === ".." || segment === ".")) kept.push("");
  }
  return `/${kept.join("/")}`;
}
