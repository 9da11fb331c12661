/**
 * The shared store of a server (`heddle/shared`): the arbiter owns it, so it outlives workers, threads and reloads, and ends with
 * the server. Instances connect to a Unix socket of mode 0600, in the user's own folder of mode 0700. Its name is given to the
 * workers in their environment.
 *
 * A server without it serves all the same: only an app that uses it gets an error.
 */

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import net, { type Server } from "node:net";
import { join } from "node:path";
import type { ServerConfig } from "../../../config/config.ts";
import type { Log } from "../../../log/log.ts";
import { messageOf } from "../../../errors/errors.ts";
import { monotonicMs } from "../../../kit/clock.ts";
import { makeRuntimeFolder, runtimeFolder } from "../../../platform/runtime-folder.ts";
import { bindUnixSocket, removeIfStale, type UnixSocket } from "../../../platform/unix-socket.ts";
import { OFF } from "../../../shared/transport.ts";
import { Store, type StoreReport } from "../../../shared/store/store.ts";
import { SharedConnection } from "./shared-connection.ts";

export interface SharedStatus extends StoreReport {
  readonly connections: number;
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
  readonly #connections = new Set<net.Socket>();
  #server: Server | undefined;
  #socket: UnixSocket | undefined;

  private constructor(place: string, store: Store | undefined) {
    this.place = place;
    this.#store = store;
  }

  static async open(config: SharedConfig, log: SharedLog): Promise<SharedServer> {
    if (config.sharedMemoryBytes === 0) return new SharedServer(OFF, undefined);
    const store = new Store({
      maxBytes: config.sharedMemoryBytes,
      maxValueBytes: config.sharedValueBytes,
      nowMs: monotonicMs,
      onCounterEvicted: limitWarnings(log),
    });
    const folder = runtimeFolder();
    const shared = new SharedServer(join(folder, `${process.pid}-${randomBytes(6).toString("hex")}${SUFFIX}`), store);
    try {
      makeRuntimeFolder();
      await removeStale(folder);
      await shared.#listen(store, log);
    } catch (error) {
      log.warn({}, `heddle/shared does not work: cannot open ${shared.place}: ${explain(shared.place, error)}`);
    }
    return shared;
  }

  /** undefined: it is turned off. */
  get status(): SharedStatus | undefined {
    return this.#store && { ...this.#store.report, connections: this.#connections.size };
  }

  close(): void {
    this.#socket?.remove();
    this.#server?.close();
    for (const connection of this.#connections) connection.destroy();
    this.#store?.close();
  }

  async #listen(store: Store, log: SharedLog): Promise<void> {
    this.#socket = await bindUnixSocket(this.place, 0o600);
    this.#server = net.createServer({ pauseOnConnect: false }, (connection) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      const onFault = (what: string): void => log.warn({}, `heddle/shared: an instance has sent ${what}`);
      // It lives as long as the connection.
      void new SharedConnection(store, connection, onFault);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    await once(this.#server.listen({ fd: this.#socket.fd }), "listening");
    this.#server.on("error", (error) => log.warn({}, `heddle/shared: ${error.message}`));
    this.#server.on("drop", () => log.warn({}, `heddle/shared: more than ${MAX_CONNECTIONS} connections`));
  }
}

/** A limit that is forgotten lets a client through: the operator should learn of it, but not of each. */
function limitWarnings(log: SharedLog): () => void {
  let evicted = 0;
  let toldMs = -Infinity;
  return () => {
    evicted++;
    if (monotonicMs() - toldMs < WARN_EVERY_MS) return;
    toldMs = monotonicMs();
    log.warn(
      { evictedCounters: evicted },
      `heddle/shared is full, and has evicted counters before their time (${evicted} so far): the limits that they stand for are forgotten. Raise --shared-memory, or keep less`,
    );
  };
}

/** The kernel says only EINVAL. */
function explain(path: string, error: unknown): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return messageOf(error);
  return `the path has ${bytes} bytes, and that of a Unix socket at most ${MAX_PATH_BYTES}. Set XDG_RUNTIME_DIR to a folder with a shorter one`;
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
