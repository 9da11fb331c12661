/**
 * A server's `listen`, replaced for all servers of a thread, and a server that believes that it listens.
 *
 * A bound server owns a handle, and `listening`, `address()`, `close()`, `ref()` and "already listening" are all decided by
 * it. With a stand-in for that handle everything stays Node's own code.
 */

import { type AddressInfo, Server } from "node:net";

export type Listen = (server: Server, args: readonly unknown[], listen: () => Server) => Server;

/** `replacement` gets each call, and the original to call for those that are none of its business. */
export function replaceListen(replacement: Listen, servers: Server = Server.prototype): void {
  const listen = Reflect.get(servers, "listen") as (...args: readonly unknown[]) => Server;
  Reflect.set(servers, "listen", function (this: Server, ...args: unknown[]): Server {
    return replacement(this, args, () => Reflect.apply(listen, this, args));
  });
}

/** `address`: where it believes to listen. A string is a Unix socket's path. No event is emitted. */
export function pretendToListen(server: Server, address: AddressInfo | string): void {
  // The two fields of a net.Server that make it a bound one.
  Object.assign(server, {
    _handle: standInHandle(address),
    ...(typeof address === "string" && { _pipeName: address }),
  });
}

function standInHandle(address: AddressInfo | string): object {
  const handle = { close() {}, ref() {}, unref() {}, hasRef: () => true, getAsyncId: () => 0, fd: -1 };
  if (typeof address === "string") return handle;
  const getsockname = (out: object): number => {
    Object.assign(out, address);
    return 0;
  };
  return Object.assign(handle, { getsockname });
}
