/** Shared by the tests of process life: clients that count, conditions to await, files that are removed. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ask } from "../../../src/server/control/client.ts";
import type { ServerStatus } from "../../../src/server/control/status.ts";
import { RawConnection } from "../../support/raw-connection.ts";
import { startServer, type ServerOptions, type TestServer } from "../../support/server.ts";

export const lifeApp: string = fixture("app.ts");

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/life/${name}`, import.meta.url));
}

export interface Cleanup {
  after(done: () => void | Promise<void>): void;
}

/** A folder that is gone after the test. */
export function tempFolder(t: Pick<TestContext, "after">, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "heddle-life-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export interface LifeServer extends TestServer {
  /** Its control socket. */
  readonly control: string;
  status(): Promise<ServerStatus>;
  waitForStatus(matches: (status: ServerStatus) => boolean): Promise<ServerStatus>;
}

/** A server with a control socket, stopped after the test. */
export async function serve(
  t: Pick<TestContext, "after">,
  app: string = lifeApp,
  args: readonly string[] = [],
  options: ServerOptions = {},
): Promise<LifeServer> {
  const control = join(tempFolder(t), "control.sock");
  const server = await startServer(app, ["--control", control, "--log-format", "json", ...args], options);
  t.after(async () => void (await server.stop()));
  const status = async (): Promise<ServerStatus> => (await ask(control, "/status")) as ServerStatus;
  const waitForStatus = (matches: (status: ServerStatus) => boolean): Promise<ServerStatus> =>
    until(async () => {
      const now = await status();
      return matches(now) ? now : undefined;
    }, "the status to match");
  return { ...server, control, status, waitForStatus };
}

/** Polls, because what is waited for sends no event to this process. */
export async function until<T>(
  look: () => T | Promise<T>,
  what: string,
  patienceMs: number = 120_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain for ${what}`);
    await sleep(20);
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** `target`: a URL, or the path of a Unix socket with `path` apart. */
export function get(target: string, path: string = "/", options: { agent?: Agent; ca?: string } = {}): Promise<Answer> {
  const where = target.startsWith("unix:")
    ? { socketPath: target.slice("unix:".length), path, headers: { host: "localhost" } }
    : { host: new URL(target).hostname, port: new URL(target).port, path };
  return new Promise((resolve, reject) => {
    request({ ...where, agent: options.agent ?? false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    })
      .on("error", reject)
      .end();
  });
}

export interface Keeper {
  readonly socket: Socket;
  /** The whole of the next response, as text. */
  ask(path: string): Promise<string>;
}

/** A bare keep-alive connection. `target` as for `get`. */
export function keep(target: string): Promise<Keeper> {
  const socket = target.startsWith("unix:")
    ? connect({ path: target.slice("unix:".length) })
    : connect({ host: new URL(target).hostname, port: Number(new URL(target).port) });
  let text = "";
  let wake = (): void => {};
  let ended: Error | undefined;
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    text += chunk;
    wake();
  });
  const end = (error?: Error): void => {
    ended ??= error ?? new Error("the connection was closed");
    wake();
  };
  socket.on("error", end);
  socket.on("close", () => end());
  const ask = async (path: string): Promise<string> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    for (;;) {
      const head = text.indexOf("\r\n\r\n");
      const length = head === -1 ? undefined : Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
      if (length !== undefined && text.length >= head + 4 + length) {
        const whole = text.slice(0, head + 4 + length);
        text = text.slice(whole.length);
        return whole;
      }
      if (ended !== undefined) throw ended;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve({ socket, ask }));
    socket.once("error", reject);
  });
}

export interface Held {
  /** Lets the request end. Resolves to the body of its response. */
  finish(): Promise<string>;
}

/**
 * A request to the life app that is in flight for as long as the test wants: of `/upload` nothing is answered till then,
 * `/held` is in the middle of its response when this resolves. Unlike one that takes so many milliseconds it can neither be
 * over too early nor last too long.
 */
export async function hold(
  t: Pick<TestContext, "after">,
  { port }: Pick<TestServer, "port">,
  path: "/held" | "/upload" = "/held",
): Promise<Held> {
  const connection = await RawConnection.open(port);
  t.after(() => connection.destroy());
  connection.request(`POST ${path} HTTP/1.1`, ["content-length: 1"]);
  const head = path === "/held" ? await connection.head() : undefined;
  return {
    finish: async () => {
      connection.write("x");
      const { headers } = head ?? (await connection.head());
      return (await connection.body(headers)).body;
    },
  };
}

/** Blocks every serving thread of the life app until `file` is there. */
export async function blockAll(
  t: Pick<TestContext, "after">,
  server: LifeServer,
): Promise<{ file: string; spinning: Promise<{ body: string }>[] }> {
  const file = join(tempFolder(t), "go-on");
  const spinning: Promise<{ body: string }>[] = [];
  await until(async () => {
    const threads = (await server.status()).workers.flatMap((worker) => worker.threads);
    // One that only waits for the CPU looks blocked as well, and has no request.
    const isOver = threads.length > 0 && threads.every(({ blocked, inFlight: count }) => blocked && count > 0);
    if (!isOver && threads.every(({ blocked, inFlight: count }) => blocked || count === 0))
      spinning.push(get(server.url, `/block-until?file=${file}`));
    return isOver;
  }, "all threads to be blocked");
  return { file, spinning };
}

/** How many of `connections`, opened in one burst, each worker and thread got. Closes them. */
export async function spread(target: string, connections: number): Promise<ReadonlyMap<string, number>> {
  const keepers = await Promise.all(Array.from({ length: connections }, () => keep(target)));
  try {
    const places = await Promise.all(keepers.map(async (keeper) => placeOf(await keeper.ask("/"))));
    return Map.groupBy(places, (place) => place)
      .entries()
      .reduce((counts, [place, all]) => counts.set(place, all.length), new Map<string, number>());
  } finally {
    for (const { socket } of keepers) socket.destroy();
  }
}

/** Worker and thread that answered, from --debug-headers. */
export function placeOf(response: string): string {
  const worker = /x-heddle-worker: (\d+)/i.exec(response)?.[1];
  const thread = /x-heddle-thread: (\d+)/i.exec(response)?.[1];
  return `${worker}/${thread}`;
}

/** The arbiter's living workers. */
export function workersOf(arbiter: number): number[] {
  return processes()
    .filter(({ parent, state }) => parent === arbiter && state !== "Z")
    .map(({ pid }) => pid);
}

export function isAlive(pid: number): boolean {
  return processes().some((process) => process.pid === pid && process.state !== "Z");
}

function processes(): { pid: number; parent: number; state: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 2);
      return [{ pid: Number(name), parent: Number(parent), state: state! }];
    } catch {
      // It has ended since it was listed.
      return [];
    }
  });
}

/** A self-signed certificate for localhost, as `name.crt` and `name.key` in `folder`. */
export function makeCertificate(folder: string, name: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  execFileSync("openssl", [...args, "-subj", `/CN=${name}`, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert, key };
}
