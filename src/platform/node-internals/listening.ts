/**
 * Replaces `listen` for all servers of a thread, and makes a server believe that it listens.
 *
 * A bound server owns a handle. `listening`, `address()`, `close()`, `ref()` and the error "already listening" all depend on
 * it. With a stand-in for that handle, everything else stays Node's own code.
 */

import { type AddressInfo, Server } from "node:net";

/** `listen`: the original function, with other arguments if some are given. */
export type Listen = (
  server: Server,
  args: readonly unknown[],
  listen: (others?: readonly unknown[]) => Server,
) => Server;

const ownListen = Reflect.get(Server.prototype, "listen") as (...args: readonly unknown[]) => Server;

/** A server of heddle's own listens, on a thread where an app's `listen` is replaced. */
export function listenUnseen(server: Server, ...args: readonly unknown[]): void {
  Reflect.apply(ownListen, server, args);
}

/** `replacement` gets each call, and the original function for calls that it does not handle. */
export function replaceListen(replacement: Listen, servers: Server = Server.prototype): void {
  const listen = Reflect.get(servers, "listen") as (...args: readonly unknown[]) => Server;
  Reflect.set(servers, "listen", function (this: Server, ...args: unknown[]): Server {
    return replacement(this, args, (others = args) => Reflect.apply(listen, this, others));
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

type Emit = (name: string | symbol, ...args: readonly unknown[]) => boolean;

/** From here on `replacement` gets the server's events; `emit` passes one on. Returns what puts the original function back. */
export function replaceEmit(server: Server, replacement: (emit: Emit) => Emit): () => void {
  const before = Object.getOwnPropertyDescriptor(server, "emit");
  const emit = Reflect.get(server, "emit").bind(server) as Emit;
  Object.defineProperty(server, "emit", { value: replacement(emit), configurable: true, writable: true });
  return () => {
    Reflect.deleteProperty(server, "emit");
    if (before !== undefined) Object.defineProperty(server, "emit", before);
  };
}

export function isPretending(server: Server): boolean {
  const handle = Reflect.get(server, "_handle") as object | null;
  return handle !== null && standIns.has(handle);
}

/** What it accepts on. -1: nothing. */
export function listeningDescriptor(server: Server): number {
  return (Reflect.get(server, "_handle") as { readonly fd: number } | null)?.fd ?? -1;
}

/** It accepts no more, and believes that it does. */
export function stopAccepting(server: Server, address: AddressInfo | string): void {
  const handle = Reflect.get(server, "_handle") as { close(): void } | null;
  pretendToListen(server, address);
  handle?.close();
}

/** It listens on a descriptor. `address()` of it is to be the path, as if it had bound that. */
export function nameSocket(server: Server, path: string): void {
  Object.assign(server, { _pipeName: path });
}

/** Whether the first argument of `listen` is something that is bound already: a server, a handle, a descriptor. */
export function isBound(options: Readonly<Record<string, unknown>>): boolean {
  return ["_handle", "handle", "fd"].some((name) => options[name] !== undefined);
}

/** The server may listen for real. */
export function stopPretending(server: Server): void {
  Object.assign(server, { _handle: null, _pipeName: undefined });
}

const standIns = new WeakSet<object>();

function standInHandle(address: AddressInfo | string): object {
  const handle = { close() {}, ref() {}, unref() {}, hasRef: () => true, getAsyncId: () => 0, fd: -1 };
  standIns.add(handle);
  if (typeof address === "string") return handle;
  const getsockname = (out: object): number => {
    Object.assign(out, address);
    return 0;
  };
  return Object.assign(handle, { getsockname });
}
