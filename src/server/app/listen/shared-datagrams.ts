/**
 * The UDP sockets of an app. All of its copies share a port, as under node:cluster: each datagram is received by one of them. The
 * arbiter keeps the socket (`app-sockets.ts`), so what comes during a reload waits in the kernel.
 *
 * A socket on port 0 is bound here, and so is one with `reuseAddr` or `reusePort`: those share their port by themselves (each copy
 * gets what is sent to a multicast group).
 */

import type { Socket } from "node:dgram";
import {
  isSharable,
  pretendToBind,
  replaceBind,
  stopPretendingToBind,
  stopReceiving,
} from "../../../platform/node-internals/datagrams.ts";
import type { AppSockets, Claimant, SocketAnswer, SocketWish } from "./app-sockets.ts";

type Bind = (args?: readonly unknown[]) => Socket;

/** From here on the calls of `bind()` in this thread are looked at. Install once per thread. */
export function shareDatagrams(sockets: AppSockets): void {
  replaceBind((socket, args, bind) => {
    const wish = isSharable(socket) ? wishOf(socket, args) : undefined;
    if (wish === undefined) return bind();
    const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
    if (callback !== undefined) socket.once("listening", callback);
    const giveUp = sockets.claim(wish, new SharedDatagrams(socket, args, bind));
    socket.once("close", giveUp);
    return socket;
  });
}

class SharedDatagrams implements Claimant {
  readonly #socket: Socket;
  readonly #args: readonly unknown[];
  readonly #bind: Bind;

  constructor(socket: Socket, args: readonly unknown[], bind: Bind) {
    this.#socket = socket;
    this.#args = args.filter((arg) => typeof arg !== "function");
    this.#bind = bind;
    pretendToBind(socket);
  }

  answered({ outcome, ...given }: SocketAnswer): boolean {
    const socket = this.#socket;
    // It may have been closed: then it is bound, and closes.
    stopPretendingToBind(socket);
    if ("fd" in given) this.#bind([{ fd: given.fd }]);
    else if (outcome === "pretended") this.#bind([0]);
    else this.#bind(this.#args);
    return outcome === "given";
  }

  retire(): void {
    stopReceiving(this.#socket);
  }

  /** What has come was received. */
  quiet(): Promise<void> {
    return Promise.resolve();
  }
}

/** `bind(port, address)`, `bind({ port, address })`. undefined: it can't be shared, or is not to be. */
function wishOf(socket: Socket, [first, second]: readonly unknown[]): SocketWish | undefined {
  const isObject = typeof first === "object" && first !== null;
  const options = (isObject ? first : { port: first, address: second }) as Readonly<Record<string, unknown>>;
  const port = Number(options["port"] ?? 0);
  const { address } = options;
  if (!Number.isInteger(port) || port <= 0 || options["exclusive"] === true) return undefined;
  if (options["fd"] !== undefined || "recvStart" in options) return undefined;
  // A property that the types lack.
  const kind = Reflect.get(socket, "type") === "udp6" ? "udp6" : "udp4";
  const host = typeof address === "string" && address !== "" ? address : undefined;
  return { address: { kind, host, port, ipv6Only: false }, isExclusive: false };
}
