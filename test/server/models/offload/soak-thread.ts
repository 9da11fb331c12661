/** A handler thread or a serving thread of `soak.test.ts`. */

import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { LoadedApp } from "../../../../src/server/app/load/load-app.ts";
import { Board } from "../../../../src/server/models/offload/shared/pool-board.ts";
import { JobRunner } from "../../../../src/server/models/offload/execute/job-runner.ts";
import { TaskRunner } from "../../../../src/server/models/offload/execute/task-runner.ts";
import { PoolClient } from "../../../../src/server/models/offload/dispatch/pool-client.ts";
import { installJobFraming, installJobSignal } from "../../../../src/server/models/offload/execute/job-request.ts";
import type { HandledExchange } from "../../../../src/server/models/handled-exchange.ts";
import { bodyOf, type SoakHandlerData, type SoakResult, type SoakServerData } from "./soak-protocol.ts";

/** More than the cells of all its links, and than may wait. */
const CLIENTS = 24;

const port = parentPort!;
const data = workerData as SoakHandlerData | SoakServerData;
if (data.role === "handler") handle(data);
else serve(data);

function handle({ model, board, seat, links }: SoakHandlerData): void {
  installJobSignal();
  installJobFraming();
  const app = {
    request: (req, res) => {
      const [, , micros] = req.url!.split("/");
      // Under `tasks`, half of them go on beside others.
      if (model === "tasks" && Number(micros) % 2 === 0) {
        setTimeout(() => res.end(bodyOf(req.url!)), Number(micros) / 100);
        return;
      }
      const untilMs = performance.now() + Number(micros) / 1000;
      while (performance.now() < untilMs);
      res.end(bodyOf(req.url!));
    },
  } as Pick<LoadedApp, "request"> as LoadedApp;
  const rest = { onlyOne: false, onDone: () => true, warn: () => {} };
  const Runner = model === "tasks" ? TaskRunner : JobRunner;
  const runner = new Runner({ app, board: new Board(board), seat, keepAliveMs: 5000, ...rest });
  for (const link of links) runner.attach(link);
}

function serve({ model, board, line, links, requests, seed }: SoakServerData): void {
  const result = { answered: 0, shed: 0, left: 0, faults: [] as string[] };
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const fault = (what: string): void => void result.faults.push(what);
  const settles = new WeakMap<HandledExchange, (how: "answered" | "shed" | "left") => void>();
  const client = new PoolClient({
    board: new Board(board),
    line,
    model,
    loopLimitMs: 0,
    spread: 2,
    queue: 12,
    queueTimeoutMs: 0,
    serverTiming: false,
    wanted: () => {},
    kill: (id, why) => fault(`handler ${id} is to be ended: ${why}`),
    failed: (_exchange, error) => fault(`failed: ${String(error)}`),
    misframed: (_exchange, { kind }) => fault(`misframed: ${kind}`),
    shed: (exchange) => settles.get(exchange)!("shed"),
  });
  for (const { id, link } of links) client.add(id, link);
  const sweeping = setInterval(() => client.sweep(performance.now()), 5);

  /** One request. Some clients leave before they have their answer. */
  const ask = (id: string, micros: number, bytes: number, leaves: boolean): Promise<"answered" | "shed" | "left"> =>
    new Promise((resolve) => {
      const exchange = exchangeFor(`/${id}/${micros}/${bytes}`, (text) => {
        if (!text.endsWith(`\r\n\r\n${bodyOf(exchange.req.url!)}`)) fault(`${id} was answered ${text.slice(-40)}`);
        settles.get(exchange)!("answered");
      });
      let isSettled = false;
      settles.set(exchange, (how) => {
        if (isSettled) fault(`${id} was settled twice`);
        isSettled = true;
        exchange.state = "ended";
        result[how]++;
        resolve(how);
      });
      client.submit(exchange);
      if (!leaves) return;
      setImmediate(() => {
        if (isSettled) return;
        Object.assign(exchange, { abortReason: new DOMException("the client went away", "AbortError"), aborted: true });
        Object.assign(exchange.res, { destroyed: true });
        settles.get(exchange)!("left");
        exchange.onAbort?.();
      });
    });

  const worker = async (name: number): Promise<void> => {
    for (let i = 0; i < requests / CLIENTS; i++) {
      // Most are short; now and then one is so long that what lies behind it is moved.
      const micros = random(50) === 0 ? 4000 : random(300);
      const bytes = [10, 80, 400, 3000][random(4)]!;
      const leaves = random(10) === 0;
      // Who is turned away comes again.
      while ((await ask(`${seed}.${name}.${i}`, micros, bytes, leaves)) === "shed") await sleep(1);
    }
  };
  void Promise.all(Array.from({ length: CLIENTS }, (_, name) => worker(name))).then(() => {
    clearInterval(sweeping);
    port.postMessage(result satisfies SoakResult);
  });
}

/** As much of an exchange as the pool's client touches. */
function exchangeFor(url: string, answered: (text: string) => void): HandledExchange {
  const socket = { remoteAddress: "::1", remotePort: 1, remoteFamily: "IPv6", localAddress: "::1", localPort: 2 };
  const req = {
    method: "GET",
    url,
    httpVersionMinor: 1,
    rawHeaders: ["host", "test"],
    socket,
    complete: true,
    off() {},
  };
  let text = "";
  const take = (part: string | Uint8Array | undefined, encoding: BufferEncoding | undefined): void => {
    if (part !== undefined) text += typeof part === "string" ? part : Buffer.from(part).toString(encoding ?? "latin1");
  };
  const res = {
    getHeaderNames: () => [],
    shouldKeepAlive: true,
    headersSent: false,
    destroyed: false,
    writableEnded: false,
    write: (part: string, encoding?: BufferEncoding) => {
      take(part, encoding);
      return true;
    },
    end: (part?: string, encoding?: BufferEncoding) => {
      take(part, encoding);
      res.writableEnded = true;
      answered(text);
    },
    destroy() {},
    once() {},
  };
  return {
    req,
    res,
    connection: { closing: false, stream: { destroyed: false } },
    route: { name: "*", timeoutMs: 0 },
    state: "received",
    receivedMs: performance.now(),
    executedMs: 0,
    aborted: false,
    calledOff: false,
  } as unknown as HandledExchange;
}
