/** One HTTP exchange written byte by byte, for features that `fetch` hides: HEAD, `Expect`, a connection that is cut. */

import { connect, type Socket } from "node:net";
import { once } from "node:events";

export async function rawExchange(port: number, request: string): Promise<string> {
  const socket = await open(port);
  socket.end(request);
  let received = "";
  for await (const chunk of socket.setEncoding("utf8")) received += String(chunk);
  return received;
}

export async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}
