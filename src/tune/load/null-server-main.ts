/**
 * A server that does nothing, in a process of its own: it answers every read with the same bytes. The generator's own ceiling is
 * measured against it. A request of the audit comes in one read.
 */
import { createServer } from "node:net";

const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, World!");

process.on("disconnect", () => process.exit());
process.on("SIGINT", () => {});
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", () => socket.write(ANSWER));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" ? address?.port : undefined });
});
