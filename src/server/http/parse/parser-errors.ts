/** Maps an error of node:http's parser to the answer for the client. Pure. */

import type { ErrorCode } from "../../../errors/errors.ts";

export type ParserError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer; readonly bytesParsed?: number };

/** undefined: the connection broke, so there is nobody to answer. */
export function refusalFor(error: ParserError): ErrorCode | undefined {
  switch (error.code) {
    case "ECONNRESET":
    case "EPIPE":
    case "ETIMEDOUT":
      return undefined;
    case "HPE_HEADER_OVERFLOW":
      return isInRequestLine(error) ? "REQUEST_LINE_TOO_LONG" : "HEADERS_TOO_LARGE";
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return "BODY_TOO_LARGE";
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return "HEADERS_TIMEOUT";
    case "HPE_JS_EXCEPTION":
      // No fault of the client: what the parser had called was ended.
      return "HANDLER_LOST";
    default:
      return "BAD_REQUEST";
  }
}

/** We know where the parser stopped only within the packet. So: the packet begins a request and has no line end so far. */
function isInRequestLine({ rawPacket, bytesParsed }: ParserError): boolean {
  const parsed = rawPacket?.subarray(0, bytesParsed);
  return parsed !== undefined && !parsed.includes(0x0a) && /^[A-Z-]+ /.test(parsed.toString("latin1", 0, 32));
}

/**
 * Whether the parser stopped in the head of a HEAD request: its refusal has no body (RFC 9110 §9.3.2). Known only if the
 * request began in the packet that was wrong.
 */
export function isInHead({ rawPacket, bytesParsed }: ParserError): boolean {
  const parsed = rawPacket?.subarray(0, bytesParsed).toString("latin1") ?? "";
  const before = parsed.lastIndexOf("\r\n\r\n");
  // Empty lines may come before a request.
  return /^[\r\n]*HEAD /.test(parsed.slice(before === -1 ? 0 : before));
}
