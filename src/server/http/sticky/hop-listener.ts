/**
 * Where an instance takes requests that other instances forward: a Unix socket in a folder that only heddle's user can enter.
 * What connects must begin with the server's token, and is then served as the connection of the client that it names.
 */

import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { HeddleError } from "../../../errors/errors.ts";
import { listenUnseen } from "../../../platform/node-internals/listening.ts";
import { type HopClient, impersonate } from "./client-of-hop.ts";
import type { HopAccess } from "./hop.ts";

/** An instance sends its first line at once. A busy machine may take a while. */
const PATIENCE_MS = 10_000;
/** Addresses, and what TLS says of a connection. */
const MAX_LINE_BYTES = 16 * 1024;
const LF = 10;
const TAKEN = Buffer.from("\n");

export interface HopListenerOptions {
  readonly access: HopAccess;
  readonly name: string;
  readonly adopt: (socket: Socket) => void;
  readonly onError: (error: Error) => void;
}

export class HopListener {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws HeddleError LISTEN_FAILED */
  static open({ access, name, adopt, onError }: HopListenerOptions): Promise<HopListener> {
    const path = join(access.folder, name);
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) =>
      readClient(socket, access.token, (client) => {
        impersonate(socket, client);
        // Before anything is run.
        socket.write(TAKEN);
        adopt(socket);
      }),
    );
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void => {
        if (server.listening) onError(cause);
        const message = `cannot listen on ${path} for requests that other instances forward (--sticky): ${cause.message}`;
        const hint = "Set XDG_RUNTIME_DIR to a folder with a short path that this user can write to.";
        reject(new HeddleError("LISTEN_FAILED", message, { cause, hint }));
      };
      server.on("error", fail);
      try {
        makeFolder(access.folder);
        listenUnseen(server, path, () => resolve(new HopListener(server)));
      } catch (cause) {
        fail(cause as Error);
      }
      server.unref();
    });
  }

  close(): void {
    this.#server.close();
  }
}

/** Its parent may be writable for everybody: check that it is ours. */
function makeFolder(folder: string): void {
  for (const path of [dirname(folder), folder]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const found = lstatSync(path);
    const uid = process.geteuid?.();
    if (!found.isDirectory() || (uid !== undefined && found.uid !== uid))
      throw new Error(`${path} is not a folder of this user`);
  }
  chmodSync(folder, 0o700);
}

function readClient(socket: Socket, token: string, next: (client: HopClient) => void): void {
  let read = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS).unref();
  socket.on("error", () => {});
  socket.once("close", () => clearTimeout(timer));
  const take = (bytes: string | Buffer): void => {
    read = Buffer.concat([read, Buffer.from(bytes)]);
    const end = read.indexOf(LF);
    if (end === -1 && read.length <= MAX_LINE_BYTES) return;
    const client = clientIn(read.subarray(0, Math.max(0, end)), token);
    if (client === undefined) {
      socket.destroy();
      return;
    }
    clearTimeout(timer);
    socket.off("data", take);
    socket.pause();
    if (read.length > end + 1) socket.unshift(read.subarray(end + 1));
    next(client);
  };
  socket.on("data", take);
  socket.on("end", () => {
    if (socket.listeners("data").includes(take)) socket.destroy();
  });
  socket.resume();
}

function clientIn(line: Buffer, token: string): HopClient | undefined {
  const space = line.indexOf(" ");
  const given = line.subarray(0, Math.max(0, space));
  const expected = Buffer.from(token);
  // Not imported statically: node:crypto takes 4 MB, and most servers have no sticky clients.
  const { timingSafeEqual } = process.getBuiltinModule("node:crypto");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return JSON.parse(line.subarray(space + 1).toString()) as HopClient;
}
