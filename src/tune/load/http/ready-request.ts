/**
 * A request of a scenario made ready to send: its bytes, and which statuses are good answers.
 *
 * All texts are sent as UTF-8. In the path, what no URI may hold is sent as %XX, as browsers do: a blank or a line break in a captured
 * value would end the path, and one byte for each character would make another path.
 */
import { HeddleError } from "../../../errors/errors.ts";
import { isExpected, type ScenarioRequest } from "../../scenario/types.ts";
import type { Target } from "./connection.ts";

export interface ReadyRequest {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly isHead: boolean;
  /** RFC 9110 §9.2.2: only such a request may be repeated automatically. */
  readonly isIdempotent: boolean;
  /** 1 at the index of each status that is a good answer. */
  readonly good: Uint8Array;
}

/** What setup requests captured, by name. */
export type Captured = Readonly<Record<string, string>>;

/** `closing`: asks the server to close the connection after its answer. @throws HeddleError TUNE_SETUP_FAILED */
export function readyRequest(
  request: ScenarioRequest,
  target: Target,
  captured: Captured = {},
  closing = false,
): ReadyRequest {
  const body = bodyOf(request, captured);
  const fields = new Map<string, string>([["host", hostOf(target)]]);
  for (const [name, value] of Object.entries(request.headers)) {
    const filled = withCaptured(value, captured);
    if (/[\r\n\0]/.test(filled)) {
      throw new HeddleError(
        "TUNE_SETUP_FAILED",
        `The value captured for the header ${name} of ${request.method} ${request.path} has a line break or a NUL, which no header can hold.`,
      );
    }
    fields.set(name.toLowerCase(), filled);
  }
  if (body !== undefined) fields.set("content-length", String(body.length));
  else if (request.method !== "GET" && request.method !== "HEAD") fields.set("content-length", "0");
  if (closing) fields.set("connection", "close");
  const lines = [`${request.method} ${inUri(withCaptured(request.path, captured))} HTTP/1.1`];
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  return {
    name: request.name,
    bytes: body === undefined ? head : Buffer.concat([head, body]),
    isHead: request.method === "HEAD",
    isIdempotent: request.method !== "POST" && request.method !== "PATCH",
    good: Uint8Array.from({ length: 1000 }, (_, status) => (isExpected(status, request.expect) ? 1 : 0)),
  };
}

function hostOf({ host, port, tls, unix }: Target): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return unix !== undefined || port === (tls === true ? 443 : 80) ? name : `${name}:${port}`;
}

function withCaptured(text: string, captured: Captured): string {
  return text.replace(/\{\{\s*([\w-]+)\s*\}\}/g, (placeholder, name: string) =>
    Object.hasOwn(captured, name) ? captured[name]! : placeholder,
  );
}

function bodyOf({ body, literalBody = false }: ScenarioRequest, captured: Captured): Uint8Array | undefined {
  return body === undefined || literalBody ? body : withCapturedBytes(body, captured);
}

function withCapturedBytes(body: Uint8Array, captured: Captured): Uint8Array {
  if (Object.keys(captured).length === 0 || !body.includes(0x7b)) return body;
  // The body may be no text: each of its bytes is a character here, and so are those of the values.
  const bytes = Object.entries(captured).map(([name, value]) => [name, Buffer.from(value).toString("latin1")] as const);
  return Buffer.from(withCaptured(Buffer.from(body).toString("latin1"), Object.fromEntries(bytes)), "latin1");
}

/** RFC 3986 §2.1. */
function inUri(path: string): string {
  return path.replace(/[^\x21-\x7e]+/g, (text) =>
    Buffer.from(text).toString("hex").toUpperCase().replace(/../g, "%$&"),
  );
}
