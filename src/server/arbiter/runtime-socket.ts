/**
 * A Unix socket of the arbiter for its workers, of mode 0600 in the user's own folder of mode 0700. The workers learn its path from
 * their environment. A server that cannot open it serves all the same: only an app that uses what it is for does without.
 */

import { once } from "node:events";
import { readdirSync } from "node:fs";
import net, { type Server, type Socket } from "node:net";
import { join } from "node:path";
import { messageOf } from "../../errors/errors.ts";
import type { Log } from "../../log/log.ts";
import { randomBytes } from "../../platform/random-bytes.ts";
import { makeRuntimeFolder, runtimeFolder } from "../../platform/runtime-folder.ts";
import { bindUnixSocket, removeIfStale, type UnixSocket, whyTooLong } from "../../platform/unix-socket.ts";

export interface RuntimeSocketOptions {
  /** Of the socket's file: `.shared`. */
  readonly suffix: string;
  /** What does not work without it, for the log. */
  readonly purpose: string;
  readonly maxConnections: number;
  readonly log: Pick<Log, "warn">;
  readonly accept: (socket: Socket) => void;
}

export class RuntimeSocket {
  readonly place: string;
  readonly #options: RuntimeSocketOptions;
  readonly #connections = new Set<Socket>();
  #server: Server | undefined;
  #socket: UnixSocket | undefined;

  private constructor(place: string, options: RuntimeSocketOptions) {
    this.place = place;
    this.#options = options;
  }

  static async open(options: RuntimeSocketOptions): Promise<RuntimeSocket> {
    const { suffix, purpose, log } = options;
    const folder = runtimeFolder();
    const place = join(folder, `${process.pid}-${randomBytes(6).toString("hex")}${suffix}`);
    const opened = new RuntimeSocket(place, options);
    try {
      makeRuntimeFolder();
      await removeStale(folder, suffix);
      await opened.#listen();
    } catch (error) {
      log.warn({}, `${purpose} does not work: cannot open ${place}: ${explain(place, error)}`);
    }
    return opened;
  }

  get connections(): number {
    return this.#connections.size;
  }

  close(): void {
    this.#socket?.remove();
    this.#server?.close();
    for (const connection of this.#connections) connection.destroy();
  }

  async #listen(): Promise<void> {
    const { purpose, maxConnections, log, accept } = this.#options;
    this.#socket = await bindUnixSocket(this.place, 0o600);
    this.#server = net.createServer({ pauseOnConnect: false }, (connection) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      accept(connection);
    });
    this.#server.maxConnections = maxConnections;
    await once(this.#server.listen({ fd: this.#socket.fd }), "listening");
    this.#server.on("error", (error) => log.warn({}, `${purpose}: ${error.message}`));
    this.#server.on("drop", () =>
      log.warn({}, `${purpose}: ${maxConnections} is the limit for open sockets, and there are more`),
    );
  }
}

function explain(path: string, error: unknown): string {
  const why = whyTooLong(path);
  return why === undefined ? messageOf(error) : `${why}. Set XDG_RUNTIME_DIR to a folder with a shorter one`;
}

/** What servers that were killed have left behind. A server that has bound its socket and does not listen yet lives. */
async function removeStale(folder: string, suffix: string): Promise<void> {
  const left = readdirSync(folder).filter((name) => name.endsWith(suffix) && !isAlive(Number.parseInt(name, 10)));
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
