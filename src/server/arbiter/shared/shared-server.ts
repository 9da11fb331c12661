/**
 * The shared store and the channels of a server (`heddle/shared`): the arbiter owns them, so they outlive workers, threads and
 * reloads, and end with the server. Instances connect to a Unix socket of mode 0600, in the user's own folder of mode 0700. Its name is given to the
 * workers in their environment.
 *
 * A server without it serves all the same: only an app that uses it gets an error.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import net, { type Server } from "node:net";
import { join } from "node:path";
import { count } from "../../../errors/count.ts";
import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import { messageOf } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { makeRuntimeFolder, runtimeFolder } from "../../../platform/runtime-folder.ts";
import { bindUnixSocket, removeIfStale, type UnixSocket } from "../../../platform/unix-socket.ts";
import { OFF } from "../../../shared/transport.ts";
import { Store, type StoreReport } from "../../../shared/store/store.ts";
import { Channels, type ChannelsReport } from "./channels.ts";
import { type ConnectionOptions, SharedConnection } from "./shared-connection.ts";

export interface SharedStatus extends StoreReport {
  readonly connections: number;
  readonly messages: ChannelsReport;
}

type SharedConfig = Pick<ServerConfig, "sharedMemoryBytes" | "sharedValueBytes">;
type SharedLog = Pick<Log, "warn">;

const SUFFIX = ".shared";
/** Each is one thread. */
const MAX_CONNECTIONS = 8192;
/** On Linux, without the 0 at the end. */
const MAX_PATH_BYTES = 107;
const WARN_EVERY_MS = 60_000;

export class SharedServer {
  /** For the environment of workers. */
  readonly place: string;
  readonly #store: Store | undefined;
  readonly #channels = new Channels();
  readonly #connections = new Set<net.Socket>();
  #server: Server | undefined;
  #socket: UnixSocket | undefined;

  private constructor(place: string, store: Store | undefined) {
    this.place = place;
    this.#store = store;
  }

  /** `outboxBytes`: what waits for an instance before messages to it are dropped. */
  static async open(config: SharedConfig, log: SharedLog, outboxBytes?: number): Promise<SharedServer> {
    if (config.sharedMemoryBytes === 0) return new SharedServer(OFF, undefined);
    const store = new Store({
      maxBytes: config.sharedMemoryBytes,
      maxValueBytes: config.sharedValueBytes,
      nowMs: monotonicMs,
      onCounterEvicted: evictionWarnings(log),
    });
    const folder = runtimeFolder();
    const shared = new SharedServer(join(folder, `${process.pid}-${randomBytes(6).toString("hex")}${SUFFIX}`), store);
    try {
      makeRuntimeFolder();
      await removeStale(folder);
      await shared.#listen(store, log, outboxBytes);
    } catch (error) {
      log.warn({}, `heddle/shared does not work: cannot open ${shared.place}: ${explain(shared.place, error)}`);
    }
    return shared;
  }

  /** undefined: it is turned off. */
  get status(): SharedStatus | undefined {
    if (this.#store === undefined) return undefined;
    return { ...this.#store.report, connections: this.#connections.size, messages: this.#channels.report };
  }

  close(): void {
    this.#socket?.remove();
    this.#server?.close();
    for (const connection of this.#connections) connection.destroy();
    this.#store?.close();
  }

  async #listen(store: Store, log: SharedLog, outboxBytes: number | undefined): Promise<void> {
    this.#socket = await bindUnixSocket(this.place, 0o600);
    const options: ConnectionOptions = {
      store,
      channels: this.#channels,
      outboxBytes,
      onFault: (what) => log.warn({}, `heddle/shared: an instance has sent ${what}`),
      onDropped: dropWarnings(log),
    };
    this.#server = net.createServer({ pauseOnConnect: false }, (connection) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      // It lives as long as the connection.
      void new SharedConnection(connection, options);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    await once(this.#server.listen({ fd: this.#socket.fd }), "listening");
    this.#server.on("error", (error) => log.warn({}, `heddle/shared: ${error.message}`));
    this.#server.on("drop", () => log.warn({}, `heddle/shared: more than ${MAX_CONNECTIONS} connections`));
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

/** The kernel says only EINVAL. */
function explain(path: string, error: unknown): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return messageOf(error);
  return `the path has ${count(bytes, "byte")}, and that of a Unix socket at most ${MAX_PATH_BYTES}. Set XDG_RUNTIME_DIR to a folder with a shorter one`;
}

/** What servers that were killed have left behind. A server that has bound its socket and does not listen yet lives. */
async function removeStale(folder: string): Promise<void> {
  const left = readdirSync(folder).filter((name) => name.endsWith(SUFFIX) && !isAlive(Number.parseInt(name, 10)));
  await Promise.all(left.map((name) => removeIfStale(join(folder, name))));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // Ours it is not, so a process of another user has this number now.
    return false;
  }
}
