/** The headers that determine the end of a response and of its connection, and the corrections of wrong ones. Pure.
 * `response-framing.ts` calls it once for each response, when its head is made.
 *
 * - `transfer-encoding` (RFC 9112 §6.1): the last coding is `chunked`, once, whatever the app has written, and no
 *   `content-length` stands beside it. HTTP/1.0 does not know the header; its body ends with the connection.
 * - `content-length` (RFC 9110 §8.6): one number. Anything else is left out, and node:http frames the body. 204 has none.
 * - `connection`: the app may ask to close it, but only the server decides to keep it. `keep-alive` and `proxy-connection`
 *   usually describe another connection, that of a proxied response.
 */

/** As node:http's `writeHead` takes them: a flat list, pairs, or an object. */
export type GivenHeaders = readonly unknown[] | Readonly<Record<string, unknown>>;

/** As node:http keeps those that were set: by their lower-case names. */
export type HeaderTable = Readonly<Record<string, readonly [name: string, value: unknown]>>;

export type HeaderPairs = readonly (readonly [name: unknown, value: unknown])[];

/** There is none of these headers. */
export const NONE = -1;
/** There is more than one plain `content-length`: `settleHeaders` decides. */
export const UNUSUAL = -2;

export interface HeadFacts {
  readonly status: number;
  readonly httpVersionMinor: number;
  /** Server and client want the connection to go on. */
  readonly keepsAlive: boolean;
}

export interface SettledHeaders {
  /** Flat: name, value, name, value. */
  readonly headers: unknown[];
  /** The length that stays in the headers. */
  readonly length: number | undefined;
  /** A length that cannot be sent. */
  readonly badLength: string | undefined;
}

/** The only framing header is this `content-length`; or NONE, or UNUSUAL. Allocates nothing. */
export function plainLength(headers: GivenHeaders): number {
  let length = NONE;
  if (isList(headers)) {
    for (let i = 0; i < headers.length; i += 2) {
      const found = look(headers[i], headers[i + 1], length);
      if (found === UNUSUAL) return UNUSUAL;
      length = found;
    }
    return length;
  }
  for (const name in headers) {
    const found = look(name, headers[name], length);
    if (found === UNUSUAL) return UNUSUAL;
    length = found;
  }
  return length;
}

function look(name: unknown, value: unknown, length: number): number {
  // Pairs.
  if (typeof name !== "string") return UNUSUAL;
  switch (name.length) {
    case 10:
    case 16:
    case 17:
      return UNUSUAL_NAMES.has(name.toLowerCase()) ? UNUSUAL : length;
    case 14:
      if (name.toLowerCase() !== "content-length") return length;
      return length === NONE ? (lengthOf(value) ?? UNUSUAL) : UNUSUAL;
    default:
      return length;
  }
}

/** The same of headers that were set: five look-ups cost less than going through all of them. */
export function plainLengthSet(table: HeaderTable): number {
  for (const name of UNUSUAL_NAMES) if (table[name] !== undefined) return UNUSUAL;
  const entry = table["content-length"];
  return entry === undefined ? NONE : (lengthOf(entry[1]) ?? UNUSUAL);
}

const UNUSUAL_NAMES: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
]);

/** What is sent in place of these headers. */
export function settleHeaders(given: HeaderPairs, { status, httpVersionMinor, keepsAlive }: HeadFacts): SettledHeaders {
  const headers: unknown[] = [];
  const lengths: unknown[] = [];
  const codings: string[] = [];
  const options: string[] = [];
  for (const [name, value] of given) {
    switch (typeof name === "string" ? name.toLowerCase() : undefined) {
      case "content-length":
        lengths.push(...(Array.isArray(value) ? (value as unknown[]) : [value]));
        break;
      case "transfer-encoding":
        codings.push(...tokensOf(value));
        break;
      case "connection":
        options.push(...tokensOf(value));
        break;
      case "keep-alive":
      case "proxy-connection":
        break;
      default:
        headers.push(name, value);
    }
  }
  const isSwitching = status === 101;
  const others = options.filter((option) => option !== "close" && option !== "keep-alive");
  const closes = !isSwitching && (!keepsAlive || options.includes("close"));
  if (closes) others.unshift("close");
  // With nothing to say, node:http says that the connection is kept, and for how long.
  if (others.length > 0) headers.push("Connection", others.join(", "));

  const isBodyless = status < 200 || status === 204;
  const applied = codings.filter((coding) => coding !== "chunked" && coding !== "identity");
  const isChunked = !isBodyless && status !== 304 && (applied.length > 0 || codings.includes("chunked"));
  if (isChunked && httpVersionMinor > 0) headers.push("Transfer-Encoding", [...applied, "chunked"].join(", "));
  if (isChunked || isBodyless || lengths.length === 0) return { headers, length: undefined, badLength: undefined };

  const distinct = new Set(lengths.flatMap((length) => String(length).split(",")).map((length) => length.trim()));
  const [only = ""] = distinct;
  const length = distinct.size === 1 ? lengthOf(only) : undefined;
  if (length === undefined) return { headers, length, badLength: lengths.map(String).join(", ") };
  headers.push("Content-Length", length);
  return { headers, length, badLength: undefined };
}

function lengthOf(value: unknown): number | undefined {
  const length = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(length) && (length as number) >= 0 ? (length as number) : undefined;
}

export function pairsOf(headers: GivenHeaders): HeaderPairs {
  if (!isList(headers)) return Object.entries(headers);
  if (Array.isArray(headers[0])) return headers as HeaderPairs;
  return Array.from({ length: headers.length / 2 }, (_, i) => [headers[2 * i], headers[2 * i + 1]] as const);
}

function tokensOf(value: unknown): string[] {
  const tokens = String(value).toLowerCase().split(",");
  return tokens.map((token) => token.trim()).filter((token) => token !== "");
}

function isList(headers: GivenHeaders): headers is readonly unknown[] {
  return Array.isArray(headers);
}
