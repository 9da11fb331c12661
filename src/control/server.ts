/**
 * The arbiter's control socket: HTTP on a Unix socket that only its owner can open (mode 0600, in a folder of mode 0700
 * that heddle makes itself). Whoever can open it can stop the server, so there is no TCP form of it.
 *
 *   GET  /livez /readyz /status /threads      one JSON answer
 *   POST /reload /scale?to=+1 /stop           JSON lines: {"progress": …} while it runs, then {"done": …} or {"error": …}
 */

import { chmodSync, mkdirSync, unlinkSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { dirname } from "node:path";
import type { Arbiter } from "../arbiter/arbiter.ts";
import { removeIfStale } from "../arbiter/listeners.ts";
import { HeddleError, toWire } from "../errors/errors.ts";
import { http } from "../platform/http.ts";
import { answerHealth } from "./health.ts";
import { controlFolder, defaultControlPath } from "./paths.ts";
import { collectStatus } from "./status.ts";

export class ControlServer {
  readonly path: string;
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /** @throws HeddleError CONTROL_UNAVAILABLE */
  static async open(
    arbiter: Arbiter,
    onStop: () => Promise<void>,
    path: string = defaultControlPath(),
  ): Promise<ControlServer> {
    const server = http.createServer((req, res) => void answer(arbiter, onStop, req, res));
    const umask = process.umask(0o177);
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      if (dirname(path) === controlFolder()) chmodSync(controlFolder(), 0o700);
      await removeIfStale(path);
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ path }, resolve);
        process.umask(umask);
      });
      chmodSync(path, 0o600);
    } catch (cause) {
      throw new HeddleError(
        "CONTROL_UNAVAILABLE",
        `cannot open the control socket ${path}: ${(cause as Error).message}. Choose another with --control, or --control off.`,
        { cause },
      );
    } finally {
      process.umask(umask);
    }
    return new ControlServer(path, server);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    try {
      unlinkSync(this.path);
    } catch {
      // Closing has removed it already.
    }
  }
}

async function answer(
  arbiter: Arbiter,
  onStop: () => Promise<void>,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(req.url ?? "/", "http://control");
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
      json(
        res,
        (await Promise.all(arbiter.fleet.workers.map((worker) => worker.threads()))).flatMap((views) => views ?? []),
      );
      break;
    case "POST /reload":
      await follow(res, async (progress) => {
        const killed = await arbiter.reload(progress);
        return { generation: arbiter.generation, killed };
      });
      break;
    case "POST /scale":
      await follow(res, async (progress) => ({
        workers: await arbiter.scale(target(searchParams.get("to") ?? ""), progress),
      }));
      break;
    case "POST /stop":
      await follow(res, async (progress) => ({ killed: await arbiter.stop(progress) }));
      await onStop();
      break;
    default:
      json(res, { error: `no ${route} here` }, 404);
  }
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
  const write = (line: object): void => void res.write(`${JSON.stringify(line)}\n`);
  let last: object;
  try {
    last = { done: await run((progress) => write({ progress })) };
  } catch (error) {
    last = { error: toWire(error) };
  }
  await new Promise<void>((resolve) => {
    // The client may be gone; that changes nothing of what was done.
    res.once("close", resolve);
    res.end(`${JSON.stringify(last)}\n`);
  });
}

function json(res: ServerResponse, value: unknown, status: number = 200): void {
  res.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}
