/**
 * `bind` of UDP sockets replaced, and what a socket is told about itself meanwhile. Node keeps the state of such a socket behind a
 * symbol.
 */

import { Socket } from "node:dgram";

interface State {
  bindState: number;
  readonly reuseAddr?: boolean;
  readonly reusePort?: boolean;
  readonly handle: DatagramHandle | null;
}

export interface DatagramHandle {
  readonly fd: number;
  recvStop(): number;
  close(): void;
}

const UNBOUND = 0;
/** What is sent waits until the socket is bound. */
const BINDING = 1;

function stateOf(socket: Socket): State | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
  return symbol && (Reflect.get(socket, symbol) as State);
}

/** `replacement` gets each call, and the original function for calls that it does not handle. */
export function replaceBind(
  replacement: (socket: Socket, args: readonly unknown[], bind: (others?: readonly unknown[]) => Socket) => Socket,
  sockets: Socket = Socket.prototype,
): void {
  const bind = Reflect.get(sockets, "bind") as (...args: readonly unknown[]) => Socket;
  Reflect.set(sockets, "bind", function (this: Socket, ...args: unknown[]): Socket {
    return replacement(this, args, (others = args) => Reflect.apply(bind, this, others));
  });
}

/** Whether it can be shared: it is not bound, and does not ask to share its port by itself. */
export function isSharable(socket: Socket): boolean {
  const state = stateOf(socket);
  return state !== undefined && state.bindState === UNBOUND && state.reuseAddr !== true && state.reusePort !== true;
}

/** It believes that it is being bound. */
export function pretendToBind(socket: Socket): void {
  stateOf(socket)!.bindState = BINDING;
}

export function stopPretendingToBind(socket: Socket): void {
  stateOf(socket)!.bindState = UNBOUND;
}

/** It is bound, and another process is to receive. */
export function stopReceiving(socket: Socket): void {
  stateOf(socket)?.handle?.recvStop();
}

/** null: it is closed. */
export function datagramHandle(socket: Socket): DatagramHandle | null {
  return stateOf(socket)?.handle ?? null;
}
