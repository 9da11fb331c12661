/**
 * The arbiter's control socket: HTTP on a Unix socket that only its owner can open (mode 0600, in a folder of mode 0700
 * that heddle makes itself). Whoever can open it can stop the server, so there is no TCP version.
 *
 *   GET  /livez /readyz /status /threads /tree      one JSON answer
 *   POST /reload /scale?to=+1 /stop /leaks          JSON lines: {"progress": …} while it runs, then {"done": …} or {"error": …}
 */

import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { dirname } from "node:path";
import type { Arbiter } from "../arbiter/arbiter.ts";
import { HeddleError, toWire } from "../../errors/errors.ts";
import { http } from "../../platform/http.ts";
import { keepToItself } from "../../platform/node-internals/connections.ts";
import { identityOf, kindAt, removeIfSame } from "../../platform/owned-file.ts";
import { makeRuntimeFolder } from "../../platform/runtime-folder.ts";
import { bindUnixSocket, type UnixSocket } from "../../platform/unix-socket.ts";
import type { WorkerHandle } from "../arbiter/workers/worker-handle.ts";
import type { LeakView, TreeView } from "../worker/report/unit-views.ts";
import type { ThreadView } from "../worker/worker-protocol.ts";
import { ask } from "./client.ts";
import { answerHealth } from "./health.ts";
import { controlFolder, defaultControlPath } from "./paths.ts";
import { collectStatus } from "./status.ts";

export type Stop = (progress: (line: string) => void) => Promise<number>;

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #socket: UnixSocket;
  readonly #answers: ReadonlySet<Promise<void>>;

  private constructor(path: string, server: Server, socket: UnixSocket, answers: ReadonlySet<Promise<void>>) {
    this.path = path;
    this.#server = server;
    this.#socket = socket;
    this.#answers = answers;
  }

  /** @throws HeddleError CONTROL_UNAVAILABLE */
  static async open(arbiter: Arbiter, stop: Stop, path: string = defaultControlPath()): Promise<ControlServer> {
    const answers = new Set<Promise<void>>();
    const server = http.createServer((req, res) => {
      const answering = answer(arbiter, stop, req, res).catch((error: unknown) => {
        if (!res.headersSent) json(res, { error: toWire(error) }, 500);
        else res.destroy();
      });
      answers.add(answering);
      void answering.then(() => answers.delete(answering));
    });
    let socket: UnixSocket;
    let isHeddle = false;
    try {
      makeFolder(path);
      isHeddle = await removeIfLeaving(path);
      socket = await bindUnixSocket(path, 0o600);
      await once(server.listen({ fd: socket.fd }), "listening");
    } catch (cause) {
      throw new HeddleError(
        "CONTROL_UNAVAILABLE",
        `cannot open the control socket ${path}: ${explain(path, cause as NodeJS.ErrnoException, isHeddle)}. Choose another with --control, or --control off.`,
        { cause },
      );
    }
    // Not the app's requests.
    keepToItself(server);
    server.on("error", (error) => arbiter.log.warn({}, `control socket: ${error.message}`));
    return new ControlServer(path, server, socket, answers);
  }

  /** Resolves when every command has got its result, or its client is gone. */
  async finish(): Promise<void> {
    await Promise.race([Promise.all(this.#answers), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  }

  /** Also removes the socket's file, unless a successor has it. */
  close(): void {
    this.#socket.remove();
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** A client that does not read must not keep the server from ending. */
const LAST_WORDS_MS = 1000;

function makeFolder(path: string): void {
  const folder = dirname(path);
  if (folder === controlFolder()) makeRuntimeFolder();
  else mkdirSync(folder, { recursive: true, mode: 0o700 });
}

/**
 * A stopping server answers here until its end, but its successor may take the path earlier. Resolves to whether a heddle server
 * has the path. (The socket that a dead one has left is taken over as it is bound: platform/unix-socket.ts.)
 */
async function removeIfLeaving(path: string): Promise<boolean> {
  const identity = identityOf(path);
  if (identity === undefined || kindAt(path) !== "a socket") return false;
  const health = (await ask(path, "/livez").catch(() => undefined)) as
    | { live?: boolean; stopping?: boolean }
    | undefined;
  if (health?.stopping === true) removeIfSame(path, identity);
  return typeof health?.live === "boolean";
}

function explain(path: string, { code, message }: NodeJS.ErrnoException, isHeddle: boolean): string {
  const kind = kindAt(path);
  if (code !== "EADDRINUSE" || kind === "nothing") return message;
  if (kind !== "a socket") return `${kind} is there, which heddle does not replace`;
  return isHeddle ? "another heddle server has it" : "another process listens on it";
}

async function answer(arbiter: Arbiter, stop: Stop, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [pathname = "/", query = ""] = (req.url ?? "/").split("?", 2);
  const route = `${req.method} ${pathname}`;
  switch (route) {
    case "GET /livez":
    case "GET /readyz":
      answerHealth(arbiter, pathname, res);
      break;
    case "GET /status":
      json(res, await collectStatus(arbiter));
      break;
    case "GET /threads":
      json(res, await askWorkers(arbiter, (worker) => worker.threads(), silentThread));
      break;
    case "GET /tree":
      json(
        res,
        await askWorkers(
          arbiter,
          (worker) => worker.trees(),
          (worker) => ({ ...silent(worker), trees: undefined }),
        ),
      );
      break;
    case "POST /leaks":
      await follow(res, async (progress) => await findLeaks(arbiter, progress));
      res.end();
      break;
    case "POST /reload":
      await follow(res, async (progress) => {
        const { generation, drained } = await arbiter.reload(progress);
        const killed = await drained;
        // One that has died since is being replaced, unless the server stops meanwhile.
        return { generation, killed, ...(arbiter.stopping ? arbiter.serving : await arbiter.settled(progress)) };
      });
      res.end();
      break;
    case "POST /scale":
      await follow(res, async (progress) => {
        const to = new URLSearchParams(query).get("to") ?? "";
        const { drained } = await arbiter.scale(target(to), progress);
        const now = await arbiter.settled(progress);
        // Workers that are too many go on while one of those that stay does not serve.
        return { ...now, killed: now.serving < now.workers ? 0 : await drained };
      });
      res.end();
      break;
    case "POST /stop":
      // The response is not ended here: the client waits for the end of this process.
      await follow(res, async (progress) => ({ killed: await stop(progress) }));
      break;
    default:
      json(res, { error: toWire(new HeddleError("CONTROL_UNAVAILABLE", `no ${route} here`)) }, 404);
  }
}

/** One worker after the other, so that the others serve. */
async function findLeaks(arbiter: Arbiter, progress: (line: string) => void): Promise<readonly LeakView[]> {
  const views: LeakView[] = [];
  for (const worker of arbiter.fleet.workers) {
    progress(`looking at worker ${worker.pid}`);
    views.push(...((await worker.leaks()) ?? instead(worker, { ...silent(worker), leaks: undefined })));
  }
  return views;
}

async function askWorkers<T>(
  { fleet }: Arbiter,
  ask: (worker: WorkerHandle) => Promise<readonly T[] | undefined>,
  viewOfSilent: (worker: WorkerHandle) => T,
): Promise<readonly T[]> {
  const views = fleet.workers.map(async (worker) => (await ask(worker)) ?? instead(worker, viewOfSilent(worker)));
  return (await Promise.all(views)).flat();
}

/** A worker that gives no answer is shown: it may be the one that is looked for. One that boots has nothing to show yet. */
function instead<T>({ state }: WorkerHandle, view: T): readonly T[] {
  return state === "starting" || state === "gone" ? [] : [view];
}

function silentThread({ pid }: WorkerHandle): ThreadView {
  return { worker: pid, thread: 0, state: "silent", blockedMs: 0, exchanges: [], stack: undefined };
}

function silent({ pid }: WorkerHandle): Pick<TreeView, "worker" | "thread" | "blockedMs"> {
  return { worker: pid, thread: "all threads", blockedMs: 0 };
}

/** `+2`, `-1`: relative; `3`: absolute. @throws HeddleError CONFIG_BAD_VALUE */
function target(text: string): (workers: number) => number {
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new HeddleError(
      "CONFIG_BAD_VALUE",
      `scale: got ${JSON.stringify(text)}; expected +1, -1 or a number of workers`,
    );
  }
  const number = Number(digits);
  return sign === "" ? () => number : (workers) => workers + (sign === "+" ? number : -number);
}

async function follow(res: ServerResponse, run: (progress: (line: string) => void) => Promise<object>): Promise<void> {
  res.writeHead(200, { "content-type": "application/x-ndjson" });
  res.flushHeaders();
  const write = (line: object, written?: () => void): void => void res.write(`${JSON.stringify(line)}\n`, written);
  let last: object;
  try {
    last = { done: await run((progress) => write({ progress })) };
  } catch (error) {
    last = { error: toWire(error) };
  }
  await new Promise<void>((resolve) => {
    // The client may be gone; the command has run anyway.
    if (res.destroyed) return resolve();
    res.once("close", resolve);
    write(last, resolve);
  });
}

function json(res: ServerResponse, value: unknown, status: number = 200): void {
  res.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}
