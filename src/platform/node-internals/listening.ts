/**
 * Replaces `listen` for all servers of a thread, and makes a server believe that it listens.
 *
 * A bound server owns a handle. `listening`, `address()`, `close()`, `ref()` and the error "already listening" all depend on
 * it. With a stand-in for that handle, everything else stays Node's own code.
 */

import { type AddressInfo, Server } from "node:net";

export type Listen = (server: Server, args: readonly unknown[], listen: () => Server) => Server;

/** `replacement` gets each call, and the original function for calls that it does not handle. */
export function replaceListen(replacement: Listen, servers: Server = Server.prototype): void {
  const listen = Reflect.get(servers, "listen") as (...args: readonly unknown[]) => Server;
  Reflect.set(servers, "listen", function (this: Server, ...args: unknown[]): Server {
    return replacement(this, args, () => Reflect.apply(listen, this, args));
  });
}

/** `address`: where the server believes to listen. A string is a Unix socket's path. No event is emitted. */
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
