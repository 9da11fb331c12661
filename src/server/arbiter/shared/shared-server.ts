/**
 * The shared store and the channels of a server (`heddle/shared`): the arbiter owns them, so they outlive workers, threads and
 * reloads, and end with the server. Instances connect to a Unix socket of mode 0600, in the user's own folder of mode 0700. Its name is given to the
 * workers in their environment.
 *
 * A server without it serves all the same: only an app that uses it gets an error.
 */

import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { OFF } from "../../../shared/transport.ts";
import { Store, type StoreReport } from "../../../shared/store/store.ts";
import { RuntimeSocket } from "../runtime-socket.ts";
import { Channels, type ChannelsReport } from "./channels.ts";
import { type ConnectionOptions, SharedConnection } from "./shared-connection.ts";

export interface SharedStatus extends StoreReport {
  readonly connections: number;
  readonly messages: ChannelsReport;
}

type SharedConfig = Pick<ServerConfig, "sharedMemoryBytes" | "sharedValueBytes">;
type SharedLog = Pick<Log, "warn">;

/** Each is one thread. */
const MAX_CONNECTIONS = 8192;
const WARN_EVERY_MS = 60_000;

export class SharedServer {
  readonly #store: Store | undefined;
  readonly #channels = new Channels();
  #socket: RuntimeSocket | undefined;

  private constructor(store: Store | undefined) {
    this.#store = store;
  }

  /** For the environment of workers. */
  get place(): string {
    return this.#socket?.place ?? OFF;
  }

  /** `outboxBytes`: what waits for an instance before messages to it are dropped. */
  static async open(config: SharedConfig, log: SharedLog, outboxBytes?: number): Promise<SharedServer> {
    if (config.sharedMemoryBytes === 0) return new SharedServer(undefined);
    const store = new Store({
      maxBytes: config.sharedMemoryBytes,
      maxValueBytes: config.sharedValueBytes,
      nowMs: monotonicMs,
      onCounterEvicted: evictionWarnings(log),
    });
    const shared = new SharedServer(store);
    await shared.#listen(store, log, outboxBytes);
    return shared;
  }

  /** undefined: it is turned off. */
  get status(): SharedStatus | undefined {
    if (this.#store === undefined) return undefined;
    return { ...this.#store.report, connections: this.#socket?.connections ?? 0, messages: this.#channels.report };
  }

  close(): void {
    this.#socket?.close();
    this.#store?.close();
  }

  async #listen(store: Store, log: SharedLog, outboxBytes: number | undefined): Promise<void> {
    const options: ConnectionOptions = {
      store,
      channels: this.#channels,
      outboxBytes,
      onFault: (what) => log.warn({}, `heddle/shared: an instance has sent ${what}`),
      onDropped: dropWarnings(log),
    };
    this.#socket = await RuntimeSocket.open({
      suffix: ".shared",
      purpose: "heddle/shared",
      maxConnections: MAX_CONNECTIONS,
      log,
      // It lives as long as the connection.
      accept: (connection) => void new SharedConnection(connection, options),
    });
  }
}

/** A limit that is forgotten lets a client through: the operator should learn of it, but not of each. */
function evictionWarnings(log: SharedLog): () => void {
  return nowAndThen((evicted) =>
    log.warn(
      { evictedCounters: evicted },
      `heddle/shared is full, and has evicted counters before their time (${evicted} so far): the limits that they stand for are forgotten. Raise --shared-memory, or keep less`,
    ),
  );
}

/** The first is told at once. What is dropped behind it is in the status, and in the next warning. */
function dropWarnings(log: SharedLog): (instance: string) => void {
  return nowAndThen((dropped, instance) =>
    log.warn(
      { droppedMessages: dropped, instance },
      `heddle/shared: ${instance} reads its messages too slowly, so some were dropped for it (${dropped} so far, of all instances). Its event loop is blocked, or more is published than it can take`,
    ),
  );
}

/** At most one warning in WARN_EVERY_MS, with the count of all calls. */
function nowAndThen(warn: (count: number, what: string) => void): (what?: string) => void {
  let count = 0;
  let toldMs = -Infinity;
  return (what = "") => {
    count++;
    if (monotonicMs() - toldMs < WARN_EVERY_MS) return;
    toldMs = monotonicMs();
    warn(count, what);
  };
}
