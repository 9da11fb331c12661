/** Sockets in this process, behind a plain http.Server: with a clock that the test moves, and without the rest of heddle. */

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { SocketActor } from "../../../src/server/sockets/socket-actor.ts";
import type { Drained, Refusal, RunningSockets, SocketRecord } from "../../../src/server/sockets/socket-host.ts";
import { hasNative, isClosed, loadNative } from "../../../src/platform/native.ts";
import { descriptorOf } from "../../../src/platform/node-internals/handles.ts";
import { FrameClient } from "../../support/frame-client.ts";

export interface Failure {
  readonly error: unknown;
  readonly message: string;
  readonly fields: object;
}

export class SocketServer implements AsyncDisposable {
  readonly records: SocketRecord[] = [];
  readonly failures: Failure[] = [];
  readonly refusals: Refusal[] = [];
  open = 0;
  /** What was told of slow clients. */
  readonly slow = { dropped: 0, closed: 0 };
  /** What the kernel is said to tell. */
  unacknowledgedMs: number | undefined = undefined;
  takenBytes = 0;
  /** The server's ends of the connections, the oldest first. */
  readonly streams: Socket[] = [];
  readonly #server: Server;
  readonly #running: RunningSockets;
  #nowMs = 1;
  #changed = Promise.withResolvers<void>();

  private constructor(server: Server, running: RunningSockets) {
    this.#server = server;
    this.#running = running;
  }

  /** `writeTimeoutMs`: of the server. */
  static async start(
    kind: SocketActor,
    { writeTimeoutMs = 0, handshakeTimeoutMs = 0 }: { writeTimeoutMs?: number; handshakeTimeoutMs?: number } = {},
  ): Promise<SocketServer> {
    const start = await kind.load();
    await loadNative();
    const server = createServer();
    let own: SocketServer | undefined;
    let ids = 0;
    const running = await start({
      writeTimeoutMs,
      handshakeTimeoutMs,
      nextId: () => `id-${++ids}`,
      opened: () => own!.#change(() => own!.open++),
      slow: (what, times) => void (own!.slow[what] += times),
      closed: (_socket, record) =>
        own!.#change(() => {
          own!.open--;
          own!.records.push(record);
        }),
      refused: (socket, record, refusal) =>
        own!.#change(() => {
          own!.records.push(record);
          own!.refusals.push(refusal);
          const { status, headers = {}, body = "" } = refusal;
          const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
          socket.end(`HTTP/1.1 ${status} Refused\r\n${lines.join("")}content-length: ${body.length}\r\n\r\n${body}`);
        }),
      failed: (fields, error, message) => own!.#change(() => own!.failures.push({ fields, error, message })),
      takenBytes: () => own!.takenBytes,
      isBroken: (socket) => hasNative() && isClosed(descriptorOf(socket)),
      unacknowledgedMs: () => own!.unacknowledgedMs,
    });
    own = new SocketServer(server, running);
    server.on("upgrade", (req, socket, head) => {
      own.streams.push(socket as Socket);
      running.accept(kind, { req, socket: socket as Socket, head, route: "*", leaveHttp: () => {} });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await own.pass(0);
    return own;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  connect(path?: string, headers?: readonly string[], behind?: Uint8Array): Promise<FrameClient> {
    return FrameClient.open(this.port, path, headers, behind);
  }

  /** Lets so much time pass for the sockets. Resolves when they have been looked at. */
  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    this.#running.sweep(this.#nowMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  drain(why: Drained): void {
    this.#running.drain(why);
  }

  lastCall(): void {
    this.#running.lastCall();
  }

  /** Waits for something that the host was told. */
  async until(isSo: (server: this) => boolean): Promise<void> {
    while (!isSo(this)) await this.#changed.promise;
  }

  #change(change: () => unknown): void {
    change();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#running.destroyAll();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

/** A log that a test waits for. */
export class Journal<T> {
  readonly all: T[] = [];
  #changed = Promise.withResolvers<void>();

  readonly add = (entry: T): void => {
    this.all.push(entry);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  /** The entries, when there are so many. */
  async whenLong(count: number): Promise<readonly T[]> {
    while (this.all.length < count) await this.#changed.promise;
    return this.all;
  }
}
