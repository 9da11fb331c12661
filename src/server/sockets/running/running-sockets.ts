/**
 * The WebSockets of one serving thread that are actors: takes handshakes, keeps the clock of all connections, and drains them.
 *
 *   handshake ─▶ judge (handshake.ts) ─▶ `accept` of the app ─▶ 101 ─▶ connection.ts, with an actor (socket-process.ts)
 *
 * The actors are children of one supervisor (actors/supervisor/hosted.ts), temporary and never restarted: only a client can open its
 * socket again.
 */

import { validateHeaderName, validateHeaderValue } from "node:http";
import type { Socket } from "node:net";
import { messageOf } from "../../../errors/errors.ts";
import { processes, type Process } from "../../../actors/process/process.ts";
import type { Pid } from "../../../actors/process/pid.ts";
import { hostedSupervisor } from "../../../actors/supervisor/hosted.ts";
import "../../../actors/index.ts";
import { LinkedList } from "../../../kit/linked-list.ts";
import { setImmediate } from "../../../kit/native-timers.ts";
import { runQueue } from "../../../runtime/run-queue.ts";
import { Connection } from "./connection.ts";
import { closeFrame } from "../wire/frames.ts";
import { judgeHandshake, switching } from "../wire/handshake.ts";
import { show } from "../arguments.ts";
import { socketInvalid } from "../socket-invalid.ts";
import type { SocketActor } from "../socket-actor.ts";
import type { Drained, Handshake, Refusal, RunningSockets, SocketHost } from "../socket-host.ts";
import type { ResolvedOptions, Verdict } from "../socket-options.ts";
import { fieldsOf, SocketsOfKind } from "./sockets-of-kind.ts";
import { joinRooms } from "./rooms.ts";
import { SocketProcess } from "./socket-process.ts";
import { HandshakeRequest } from "../socket-request.ts";
import { acceptCompression, type Compression } from "../wire/ws-parts.ts";

/** As a worker child of OTP's supervisors. */
const SHUTDOWN_MS = 5000;

const MAX_TICK_MS = 1000;

export async function startSockets(host: SocketHost): Promise<RunningSockets> {
  const children = (): readonly Process[] => processes.filter((process) => process instanceof SocketProcess);
  const supervisor = await hostedSupervisor({ label: "sockets", children, shutdownMs: SHUTDOWN_MS });
  await joinRooms();
  return new Sockets(host, supervisor);
}

/** With what sockets are closed while their thread drains. */
export interface Drain {
  readonly why: Drained;
  readonly code: number;
  readonly reason: string;
}

/** Those of a thread. */
export class Sockets implements RunningSockets {
  readonly host: SocketHost;
  readonly supervisor: Pid;
  readonly connections: LinkedList<Connection> = new LinkedList();
  /** With what they are closed. undefined: the thread does not drain. */
  drained: Drain | undefined = undefined;
  nowMs: number = Math.floor(performance.now());
  readonly #kinds = new Map<SocketActor, SocketsOfKind>();
  #tickMs = MAX_TICK_MS;
  #tickedMs = 0;
  #isTickDue = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(host: SocketHost, supervisor: Pid) {
    this.host = host;
    this.supervisor = supervisor;
  }

  accept(kind: SocketActor, handshake: Handshake): void {
    const { req, socket } = handshake;
    const judgement = judgeHandshake(req.headers, kind.options);
    const request = new HandshakeRequest(req, socket);
    if (judgement.type === "refused") return this.#refuse(handshake, request, judgement.refusal);
    const { accept } = kind.options;
    if (accept === undefined) return this.#switch(kind, handshake, request, judgement);
    void this.#ask(accept, request).then(
      (verdict) => {
        if (socket.destroyed) return;
        if (this.drained !== undefined) this.#refuse(handshake, request, { status: 503 });
        else if (verdict === true) this.#switch(kind, handshake, request, judgement);
        else this.#refuse(handshake, request, verdict === false ? { status: 403 } : verdict);
      },
      (error: unknown) => {
        this.host.failed(fieldsOf(request, handshake.route, this.host), error, "accepting a WebSocket failed");
        this.#refuse(handshake, request, { status: 500 });
      },
    );
  }

  async #ask(accept: NonNullable<ResolvedOptions["accept"]>, request: HandshakeRequest): Promise<Verdict> {
    const { handshakeTimeoutMs } = this.host;
    const answer = (async () => checkVerdict(await accept(request)))();
    if (handshakeTimeoutMs === 0) return await answer;
    const { promise, resolve } = Promise.withResolvers<Refusal>();
    const timer = setTimeout(resolve, handshakeTimeoutMs, { status: 504 });
    try {
      return await Promise.race([answer, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #refuse({ socket, route }: Handshake, request: HandshakeRequest, refusal: Refusal): void {
    const { status } = refusal;
    this.host.refused(socket, { ...fieldsOf(request, route, this.host), status, socket: undefined }, refusal);
  }

  #switch(
    kind: SocketActor,
    handshake: Handshake,
    request: HandshakeRequest,
    { key, protocol }: { readonly key: string; readonly protocol: string },
  ): void {
    const { req, socket, head, route, leaveHttp } = handshake;
    // The client has ended its side while `accept` decided. The socket will not say so again.
    if (socket.readableEnded) return void socket.destroy();
    const { deflate, messageBytes, sockets } = kind.options;
    const offered = req.headers["sec-websocket-extensions"];
    let accepted: { readonly compression: Compression; readonly header: string } | undefined;
    try {
      if (deflate !== undefined && offered !== undefined)
        accepted = acceptCompression(offered, { ...deflate, messageBytes });
    } catch {
      return this.#refuse(handshake, request, { status: 400 });
    }
    const own = this.#kindOf(kind);
    socket.write(switching(key, protocol, accepted?.header));
    if (sockets > 0 && own.open >= sockets) return refuseFull(socket);
    leaveHttp();
    if (head.length > 0) socket.unshift(head);
    const connection = new Connection(socket, own, { request, protocol, route, compression: accepted?.compression });
    own.open++;
    this.connections.add(connection);
    this.host.opened();
    runQueue.add(connection.process);
  }

  #kindOf(kind: SocketActor): SocketsOfKind {
    let own = this.#kinds.get(kind);
    if (own === undefined) {
      this.#kinds.set(kind, (own = new SocketsOfKind(kind, this)));
      const { pingMs, idleMs, endMs } = kind.options;
      // Its limits of time are kept to a quarter.
      for (const ms of [pingMs, idleMs, endMs]) if (ms > 0) this.#tickMs = Math.min(this.#tickMs, ms / 4);
    }
    return own;
  }

  sweep(nowMs: number): void {
    this.nowMs = Math.floor(nowMs);
    if (this.#isTickDue || (this.drained === undefined && nowMs - this.#tickedMs < this.#tickMs)) return;
    this.#tickedMs = nowMs;
    this.#isTickDue = true;
    setImmediate(this.#tick);
  }

  /** Behind a poll of the connections: what has come while the thread stood still must be heard first. */
  readonly #tick = (): void => {
    this.#isTickDue = false;
    let isOver = true;
    for (const connection of this.connections) {
      connection.tick(this.nowMs);
      isOver &&= connection.isOver;
    }
    if (isOver && this.drained !== undefined) this.#ended.resolve();
  };

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  drain(why: Drained): void {
    // A stop may follow.
    if (this.drained?.why === why) return;
    this.drained = why === "stop" ? { code: 1001, reason: "stop", why } : { code: 1012, reason: "restart", why };
    for (const connection of this.connections) connection.drain(why);
    this.sweep(this.nowMs);
  }

  lastCall(): void {
    for (const connection of this.connections) connection.lastCall();
  }

  destroyAll(): void {
    for (const connection of this.connections) connection.terminate();
  }
}

/** @throws SOCKET_INVALID */
function checkVerdict(verdict: unknown): Verdict {
  if (typeof verdict === "boolean") return verdict;
  const { status, headers = {}, body = "" } = (verdict ?? {}) as Partial<Record<keyof Refusal, unknown>>;
  if (typeof status !== "number" || !Number.isInteger(status) || status < 300 || status >= 600) {
    throw socketInvalid("accept", "to return true, false, or { status } of 300 to 599", show(verdict));
  }
  if (typeof body !== "string") throw socketInvalid("accept", "a text as the body of its answer", show(body));
  return { ...(verdict as Refusal), headers: checkHeaders(headers) };
}

/** They are written as they are: a line end in one would begin another one. @throws SOCKET_INVALID */
function checkHeaders(headers: unknown): Record<string, string> {
  const right = "headers as { name: text }, as HTTP allows them";
  if (typeof headers !== "object" || headers === null) throw socketInvalid("accept", right, show(headers));
  const checked = Object.entries(headers).map(([name, value]): [string, string] => {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      throw socketInvalid("accept", right, `${show({ [name]: value })} (${messageOf(error)})`);
    }
    return [name.toLowerCase(), String(value)];
  });
  return Object.fromEntries(checked);
}

/** So many of its kind are open already. A browser does not tell a page the status of a handshake, but it tells a close code. */
function refuseFull(socket: Socket): void {
  socket.end(closeFrame(1013, "too many sockets"));
  socket.resume();
  setTimeout(() => socket.destroy(), 2000).unref();
}
