/**
 * A serving thread, the acceptor's side. The thread's own side is `serving-thread-main.ts`. When the thread ends, this side
 * releases what it held: its slots of the gates, its count of connections.
 */

import type { MessagePort } from "node:worker_threads";
import { fromWire, HeddleError, toWire } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { distance } from "../../../kit/wrapping.ts";
import type { Knock } from "../../../runtime/door.ts";
import { COUNTER, LoadRow } from "../../../supervise/load-board.ts";
import type { Driver, Member } from "../../../supervise/member.ts";
import { SupervisedThread } from "../../../supervise/supervised-thread.ts";
import type { FromCopy, ToCopy } from "../../app/listen/app-sockets.ts";
import type { TicketKeys } from "../../http/parse/connection.ts";
import type { LinkEnd, PoolMemory } from "../../models/offload/shared/offload-protocol.ts";
import { type GateHandle, settleLedger } from "../../http/admit/gate.ts";
import { closeFd } from "../../../platform/native.ts";
import type { Accepted } from "../accept/accepted.ts";
import type { SocketAddress } from "../accept/address.ts";
import { DrainClock } from "./drain-clock.ts";
import { type DrainTimes, drainTimes } from "./drain-times.ts";
import type { OnBoard } from "../accept/worker-board.ts";
import { WatchedUnits } from "../report/watched-units.ts";
import { SentDescriptors } from "../accept/sent-descriptors.ts";
import type { AppSummary, DrainReason, ExchangeView, FromThread, ThreadBoot, ToThread } from "./serving-protocol.ts";

export interface ThreadEvents {
  loaded: [loaded: FromThread & { type: "loaded" }];
  /** It accepts no more, because the process lacks descriptors. */
  full: [];
  "join-runtime": [knock: Knock];
  "want-handlers": [pool: string];
  "kill-handler": [pool: string, id: number, why: string];
  ready: [told: Pick<AppSummary, "upgrades" | "server" | "protocol">];
  tainted: [error: HeddleError];
  unblocked: [blockedMs: number];
  /** Under `sync`: it has begun a connection, or has none any more. */
  turn: [];
  /** It accepted a connection for this other thread, and has counted it there. */
  "pass-on": [fd: number, threadId: number];
  /** For this other worker. */
  "pass-to-worker": [fd: number, pid: number];
  log: [message: FromThread & { type: "log" }];
  /** About a socket of the app. */
  "app-socket": [message: FromCopy];
  /** It has been blocked for too long and must be killed. */
  condemned: [error: HeddleError];
  /** Always the last event. `error` is undefined after a drain. */
  gone: [error: HeddleError | undefined];
}

interface Given {
  readonly fds: readonly number[];
  /** How many others it was given before. */
  readonly before: number;
}

/** The process's main thread as a serving thread. */
export interface MainLoop {
  readonly port: MessagePort;
  /** Its row on the board of all workers, if it has a seat there. */
  readonly onBoard: OnBoard | undefined;
}

export interface LoopTimes {
  readonly atMs: number;
  readonly idleMs: number;
}

/** A thread that does not answer within this time is reported by its load row alone. */
const INSPECT_TIMEOUT_MS = 250;

export class ServingThreadHandle extends SupervisedThread<FromThread, ToThread, ThreadEvents> {
  readonly index: number;
  readonly row: LoadRow;
  /** Its name for the other instances, if it has sticky clients. */
  instance: string | undefined;
  readonly bootedMs: number = monotonicMs();
  /** The app's files that it has reported. */
  modules: readonly string[] = [];
  /** Its last connection is closed. Only the app's `onStop` may still run. */
  isEmpty = false;
  /** `onStop` has run. Only what the app does at the end of a process may still run. */
  isStopped = false;
  /** Requests that it cut short. Known when it is drained. */
  cutShort = 0;
  readonly #emptied = Promise.withResolvers<void>();
  readonly #clock = new DrainClock(({ cutMs, deadlineMs }) => [
    // Its loop does not turn. The other threads should not lose their last time because of it.
    [(cutMs + deadlineMs) / 2, this.#emptied.resolve],
  ]);
  readonly units: WatchedUnits = new WatchedUnits((asked) => this.post(asked));
  readonly #inspections = new Map<number, (exchanges: readonly ExchangeView[]) => void>();
  #times: DrainTimes | undefined;
  gates: Readonly<Record<string, GateHandle>> = {};
  readonly #sent: SentDescriptors;
  #outbox: number[] = [];
  #listening: (PromiseWithResolvers<readonly SocketAddress[]> & Given) | undefined;
  /** Descriptors of listening sockets that it was given. Wraps as the counter of its row does. */
  #given = 0;
  #inspected = 0;

  /** `main`: it is the process's main thread. @throws HeddleError THREAD_DIED: the system refuses it */
  constructor(member: Member<Driver, HeddleError>, given: Omit<ThreadBoot, "row" | "port">, main?: MainLoop) {
    const own = LoadRow.create();
    const row = main?.onBoard?.row ?? own;
    const name = `serving thread ${given.index}`;
    const boot = { ...given, row: main?.onBoard?.seat ?? own.buffer } satisfies Omit<ThreadBoot, "port">;
    // The same folder and extension as this file: `.ts` in a checkout, `.js` in the published package.
    const entry = new URL(import.meta.url.replace(/serving-thread-handle(\.[jt]s)$/, "serving-thread-main$1"));
    const argv = [given.config.app, ...given.config.appArgs];
    super(member, main ? { name, boot, main: main.port } : { name, boot, code: "THREAD_DIED", entry, argv });
    this.index = given.index;
    this.row = row;
    this.#sent = new SentDescriptors(row);
  }

  /** Resolves when it drains and its last connection is closed, or should be. */
  get emptied(): Promise<void> {
    return this.#emptied.promise;
  }

  /** Share of the time since `since` in which its loop was busy, 0 to 1. */
  utilisation(since: LoopTimes): number {
    const { atMs, idleMs } = this.loopTimes();
    const passedMs = atMs - since.atMs;
    return passedMs <= 0 ? 0 : Math.min(1, Math.max(0, 1 - (idleMs - since.idleMs) / passedMs));
  }

  /** For a later `utilisation`. */
  loopTimes(): LoopTimes {
    return { atMs: monotonicMs(), idleMs: this.row.idleMs };
  }

  open(gates: Readonly<Record<string, GateHandle>>, memories: Readonly<Record<string, PoolMemory>>): void {
    this.gates = gates;
    this.post({ type: "gates", gates, memories });
  }

  addHandler(pool: string, id: number, link: LinkEnd): void {
    this.post({ type: "handler", pool, id, link }, [link.port]);
  }

  removeHandler(pool: string, id: number, why: HeddleError): void {
    this.post({ type: "handler-gone", pool, id, error: toWire(why) });
  }

  /** Makes it accept on the sockets behind `fds`, which belong to it from then on. Resolves to their addresses. */
  listen(fds: readonly number[]): Promise<readonly SocketAddress[]> {
    this.#listening = { fds, before: this.#given, ...Promise.withResolvers<readonly SocketAddress[]>() };
    this.#given = (this.#given + fds.length) >>> 0;
    this.post({ type: "listen", fds });
    return this.#listening.promise;
  }

  /** Whether it was told to accept by itself. */
  get listens(): boolean {
    return this.#listening !== undefined;
  }

  tellInstances(names: readonly string[]): void {
    if (this.instance !== undefined) this.post({ type: "instances", names });
  }

  useTicketKeys(keys: TicketKeys): void {
    this.post({ type: "ticket-keys", keys });
  }

  stopListening(): void {
    if (this.listens && !this.member.isGone) this.post({ type: "stop-listening" });
  }

  /** Clients wait, and the process lacks descriptors. */
  makeRoom(): void {
    if (this.isReady) this.post({ type: "make-room" });
  }

  know(peers: readonly ServingThreadHandle[]): void {
    this.post({
      type: "peers",
      peers: peers.map(({ threadId, row }) => ({ threadId, row: row.buffer as SharedArrayBuffer })),
    });
  }

  /** `counted`: its row counts the connection already. */
  give(accepted: Accepted, counted: boolean = false): void {
    if (!counted) Atomics.add(this.row.counters, COUNTER.connections, 1);
    if (accepted.kind === "fd") {
      this.#sent.add(accepted.fd);
      if (this.#outbox.push(accepted.fd) === 1) setImmediate(this.#flush);
    } else {
      const message: ToThread = { type: "socket", socket: accepted.socket };
      // A socket is transferable in Node 26.6 and later; the types do not know yet.
      this.post(message, [accepted.socket as never]);
    }
  }

  /** Makes it check its row for a connection, if it has none. */
  wake(): void {
    this.post({ type: "take" });
  }

  /** One message for all connections of one poll of the listening sockets. */
  readonly #flush = (): void => {
    if (this.#outbox.length === 0 || this.member.isGone) return;
    this.post({ type: "fds", fds: this.#outbox });
    this.#outbox = [];
  };

  /** Connections that were on their way to a thread that died. */
  takeBack(): Accepted[] {
    return this.#sent.takeBack().map((fd) => ({ kind: "fd", fd }));
  }

  /** The thread's current requests, or undefined if it does not answer. */
  exchanges(): Promise<readonly ExchangeView[] | undefined> {
    const id = ++this.#inspected;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#inspections.delete(id);
        resolve(undefined);
      }, INSPECT_TIMEOUT_MS);
      this.#inspections.set(id, (exchanges) => {
        clearTimeout(timer);
        resolve(exchanges);
      });
      this.post({ type: "inspect", id });
    });
  }

  /** Its drain begins, but it takes connections until `drain`. */
  drainSoon(reason: DrainReason, times: DrainTimes): void {
    if (!this.isReady) return;
    this.limit(times);
    this.post({ type: "drain-soon", reason, times });
  }

  drain(reason: string, deadlineMs: number): void {
    this.limit(drainTimes(monotonicMs(), deadlineMs));
    this.#flush();
    this.post({ type: "drain", reason: reason as DrainReason, times: this.#times! });
  }

  /** A main thread ends with its process, which is the worker's to end. */
  protected end(): void {
    if (this.isMain) this.kill();
    else this.post({ type: "end" });
  }

  /** It must be killed, whatever it does. */
  condemn(error: HeddleError): void {
    this.emit("condemned", error);
  }

  /** The nearest deadline counts. */
  limit(times: DrainTimes): void {
    if (this.#times !== undefined && this.#times.deadlineMs <= times.deadlineMs) return;
    this.#times = times;
    if (this.#clock.set(times)) this.row.lastCallMs = times.lastCallMs;
  }

  answer(message: ToCopy): void {
    if (!this.member.isGone) this.post(message);
  }

  protected received(message: FromThread): void {
    switch (message.type) {
      case "loaded":
        this.emit("loaded", message);
        break;
      case "ready":
        this.modules = message.modules;
        this.instance = message.instance;
        this.emit("ready", message.told);
        break;
      case "boot-failed":
        this.modules = message.modules;
        this.failed(fromWire(message.error));
        break;
      case "tainted":
        this.emit("tainted", fromWire(message.error));
        break;
      case "exchanges":
        this.#inspections.get(message.id)?.(message.exchanges);
        this.#inspections.delete(message.id);
        break;
      case "join-runtime":
        this.emit("join-runtime", message.knock);
        break;
      case "units-row":
      case "units-answer":
        this.units.told(message);
        break;
      case "want-handlers":
        this.emit("want-handlers", message.pool);
        break;
      case "kill-handler":
        this.emit("kill-handler", message.pool, message.id, message.why);
        break;
      case "listening":
        this.#listening?.resolve(message.addresses);
        break;
      case "listen-failed":
        this.#listening?.reject(fromWire(message.error));
        this.#listening = undefined;
        break;
      case "full":
        this.#listening = undefined;
        this.emit("full");
        break;
      case "pass-on":
        this.emit("pass-on", message.fd, message.threadId);
        break;
      case "turn":
        this.emit("turn");
        break;
      case "pass-to-worker":
        this.emit("pass-to-worker", message.fd, message.pid);
        break;
      case "unblocked":
        this.emit("unblocked", message.blockedMs);
        break;
      case "log":
        this.emit("log", message);
        break;
      case "want-socket":
      case "give-up-socket":
        this.emit("app-socket", message);
        break;
      case "emptied":
        this.isEmpty = true;
        this.#emptied.resolve();
        break;
      case "drained":
        this.cutShort = message.cutShort;
        this.isStopped = true;
        this.end();
        break;
    }
  }

  protected ended(error: HeddleError | undefined): void {
    this.#clock.stop();
    this.#emptied.resolve();
    this.units.close();
    for (const gate of Object.values(this.gates)) settleLedger(gate);
    this.#endListening();
    // On the board of all workers others may have counted some here that are on their way to other workers by now.
    if (!this.isMain) Atomics.store(this.row.counters, COUNTER.connections, 0);
    this.emit("gone", error);
  }

  /** The descriptors that the thread took over were closed with it. Closing them again could hit their numbers' new owners. */
  #endListening(): void {
    if (this.#listening === undefined) return;
    const { fds, before } = this.#listening;
    for (const fd of fds.slice(distance(before, this.row.read(COUNTER.listeners)))) closeFd(fd);
    this.#listening.reject(new HeddleError("THREAD_DIED", `${this.name} ended before it accepted connections`));
  }
}
