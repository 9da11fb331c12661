/** Servers of the generator's tests: each commits one fault, or answers as it is told to. */
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after } from "node:test";
import type { Target } from "../../../src/tune/load/generator.ts";

const servers = new Set<Server>();
const sockets = new Set<Socket>();
after(() => {
  for (const server of servers) server.close();
  for (const socket of sockets) socket.destroy();
});

/** Listens on a free port until the tests of the file have ended. */
export async function listen(server: Server): Promise<Target> {
  servers.add(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

/** `onRequest`: the text of everything received so far, whenever it ends a head. */
export function raw(onRequest: (socket: Socket, text: string) => void): Promise<Target> {
  return listen(
    createServer({ noDelay: true }, (socket) => {
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1");
        if (!text.includes("\r\n\r\n")) return;
        const request = text;
        text = "";
        onRequest(socket, request);
      });
    }),
  );
}

export function http(handler: RequestListener): Promise<Target> {
  return listen(createHttpServer({ keepAliveTimeout: 60_000 }, handler));
}

/** An address at which nobody listens. */
export async function refused(): Promise<Target> {
  const server = createServer();
  const target = await listen(server);
  servers.delete(server);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return target;
}
