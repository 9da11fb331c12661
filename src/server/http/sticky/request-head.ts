/** The head of a request as it came: its method, target, version and headers, in their order and spelling. */

import type { IncomingMessage } from "node:http";

/** In latin1, as the parser reads it. */
export function requestHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}
