/** The smallest useful answer, for the cost of the server around it. */
import type { IncomingMessage, ServerResponse } from "node:http";

const body = "Hello, world!\n";
const headers = { "content-type": "text/plain", "content-length": body.length };

export default function hello(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, headers).end(body);
}
