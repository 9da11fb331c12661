/**
 * The listening sockets that an app opens beside the one that heddle serves: a metrics port, a gRPC server, an internal server.
 * They are bound for real.
 *
 * Each copy of the app (each thread of each worker) opens them. What can be shared comes from the arbiter, which keeps it over
 * reloads (`app-sockets.ts`). The rest is bound here: port 0, a descriptor, what the app itself wants to share by `reusePort`.
 *
 * Without node:ffi all is bound here. Then only one copy can have a port, the first one. In the others the server believes that
 * it listens, and tries again every second: when the copy that has the port ends, another one gets it. It is logged once for the
 * serving threads of a worker, and once for each of its pools of handler threads. A server with an `error` listener of its own
 * gets the error, as without heddle: it may want to try another port.
 */

import type { AddressInfo, Server } from "node:net";
import { resolve } from "node:path";
import {
  isBound,
  isPretending,
  pretendToListen,
  replaceEmit,
  stopPretending,
} from "../../../platform/node-internals/listening.ts";
import { setTimeout } from "../../../kit/native-timers.ts";
import type { AppSockets, SocketWish } from "./app-sockets.ts";
import { SharedServer } from "./shared-server.ts";

const RETRY_MS = 1000;

export type Notice = (message: string) => void;

export interface RealListener {
  readonly server: Server;
  /** Those of `server.listen()`. */
  readonly args: readonly unknown[];
  /** Node's own `listen` of this server, with other arguments if some are given. */
  readonly listen: (others?: readonly unknown[]) => Server;
  readonly notice: Notice;
  /** Undefined: there is nobody to ask. */
  readonly sockets: AppSockets | undefined;
  /** `listening`: it has been emitted. `callback`: the callback among the arguments will be called. */
  readonly told?: "listening" | "callback" | "nothing";
}

/** Binds as `listen` does, or gets the socket that all copies share. `isExclusive`: one copy at a time has it. */
export function listenForReal(listener: RealListener, isExclusive: boolean): Server {
  const { server, args, sockets } = listener;
  const wish = sockets && wishOf(args, isExclusive);
  if (sockets === undefined || wish === undefined) return listenAlone(listener, true);
  const { listen, told = "nothing" } = listener;
  const callback = args.findLast((arg) => typeof arg === "function") as (() => void) | undefined;
  if (told === "nothing" && callback !== undefined) server.once("listening", callback);
  closeOnAbort(server, args[0]);
  const where = { address: requestedAddress(args), backlog: backlogOf(args) };
  const alone = (waits: boolean, toldBefore: "listening" | "callback"): void =>
    void listenAlone({ ...listener, told: toldBefore }, waits);
  const shared = new SharedServer({ server, listen, alone, isTold: told === "listening", ...where });
  server.once("close", sockets.claim(wish, shared));
  return server;
}

/** Binds here. `waits`: for the port, if another copy has it. */
function listenAlone({ server, args, listen, notice, told = "nothing" }: RealListener, mayWait: boolean): Server {
  const withoutCallback = args.filter((arg) => typeof arg !== "function");
  let isTold = told === "listening";
  let isNoticed = false;
  const retry = (): void => {
    // The app has closed it meanwhile.
    if (!isPretending(server)) return restore();
    stopPretending(server);
    listen(withoutCallback);
  };
  const wait = (): void => {
    pretendToListen(server, requestedAddress(args));
    setTimeout(retry, RETRY_MS).unref();
    if (!isNoticed) notice(takenMessage(args));
    isNoticed = true;
  };
  const restore = replaceEmit(server, (emit) => (name, ...rest) => {
    if (name !== "listening" && name !== "error") return emit(name, ...rest);
    const waits = mayWait && isInUse(rest[0]) && server.listenerCount("error") === 0;
    if (waits) wait();
    else restore();
    if (isTold && (waits || name === "listening")) return true;
    if (!waits) return emit(name, ...rest);
    isTold = true;
    return emit("listening");
  });
  return listen(told === "nothing" ? args : withoutCallback);
}

function isInUse(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "EADDRINUSE";
}

function takenMessage(args: readonly unknown[]): string {
  const address = requestedAddress(args);
  const what = typeof address === "string" ? `the socket ${address}` : `port ${address.port}`;
  return (
    `the app also listens on ${what}, and another copy of it has that already: each thread of each worker runs the app. ` +
    "This copy gets it when that one ends. To avoid this, listen only in the first copy (`isFirst` of heddle, or HEDDLE_WORKER_INDEX and HEDDLE_THREAD_INDEX), or on port 0."
  );
}

/** undefined: it can't be shared, or is not to be. */
function wishOf(args: readonly unknown[], isOneAtATime: boolean): SocketWish | undefined {
  const options = optionsOf(args);
  if (isBound(options)) return undefined;
  if (options["reusePort"] === true || options["readableAll"] === true || options["writableAll"] === true)
    return undefined;
  const isExclusive = isOneAtATime || options["exclusive"] === true;
  const address = requestedAddress(args);
  // An abstract socket has no file, and is not kept.
  if (typeof address === "string")
    return address.startsWith("\0") ? undefined : { address: { kind: "unix", path: resolve(address) }, isExclusive };
  const host = options["host"] ?? args[1];
  const { port } = address;
  if (port === 0) return undefined;
  const ipv6Only = options["ipv6Only"] === true;
  const endpoint = { host: typeof host === "string" ? host : undefined, port, ipv6Only };
  return { address: { kind: "tcp", ...endpoint }, isExclusive };
}

/** `listen(9100, "::1", 511)`, `listen(9100, 511)`, `listen({ port: 9100, backlog: 511 })` */
function backlogOf(args: readonly unknown[]): number | undefined {
  const backlog = optionsOf(args)["backlog"] ?? args.slice(1).find((arg) => typeof arg === "number");
  return typeof backlog === "number" ? backlog : undefined;
}

function optionsOf([first]: readonly unknown[]): Readonly<Record<string, unknown>> {
  return typeof first === "object" && first !== null ? (first as Readonly<Record<string, unknown>>) : {};
}

export function closeOnAbort(server: Server, options: unknown): void {
  if (typeof options !== "object" || options === null || !("signal" in options)) return;
  const { signal } = options;
  if (!(signal instanceof AbortSignal)) return;
  const close = (): void => void server.close();
  if (signal.aborted) process.nextTick(close);
  else signal.addEventListener("abort", close, { once: true });
}

/** `listen(9100, "::1")`, `listen({ port: 9100, host: "::1" })`, `listen("/run/app.sock")`, `listen({ path })` */
function requestedAddress(args: readonly unknown[]): AddressInfo | string {
  const options = optionsOf(args);
  const path = requestedPath(args);
  if (path !== undefined) return path;
  const host = options["host"] ?? args[1];
  const address = typeof host === "string" ? host : "::";
  return { port: requestedPort(args) ?? 0, address, family: address.includes(":") ? "IPv6" : "IPv4" };
}

/** As it is written; undefined for a port. */
export function requestedPath(args: readonly unknown[]): string | undefined {
  const [first] = args;
  const path = optionsOf(args)["path"] ?? (typeof first === "string" && !/^\d+$/.test(first) ? first : undefined);
  return typeof path === "string" ? path : undefined;
}

/** `listen(3000)`, `listen("3000")`, `listen({ port: 3000 })`; undefined for a path, or no port at all. */
export function requestedPort([first]: readonly unknown[]): number | undefined {
  const port = typeof first === "object" && first !== null && "port" in first ? first.port : first;
  if (typeof port === "number") return port;
  return typeof port === "string" && /^\d+$/.test(port) ? Number(port) : undefined;
}
