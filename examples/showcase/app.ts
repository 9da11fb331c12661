/**
 * What `npm start` serves: one route for each thing worth seeing. Open / in a browser, or try the paths with curl.
 *
 * A plain http.Server; heddle never lets it listen, it only calls its listeners.
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { threadName } from "node:worker_threads";
import { groups } from "../../src/actors/index.ts"; // in your project: from "heddle/actors"
import { publish, requestGroup, socketActor, type RouteSettings } from "../../src/index.ts"; // in your project: from "heddle"
import { after, Channel, receiveFrom, select } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

type Handler = (req: IncomingMessage, res: ServerResponse, url: URL) => void | Promise<void>;

const page: Buffer = readFileSync(new URL("page.html", import.meta.url));
/** heddle names its threads "heddle serving thread 0", 1, … */
const thread = Number(/\d+$/.exec(threadName ?? "")?.[0] ?? 0);
const identity: { readonly worker: number; readonly thread: number } = { worker: process.pid, thread };

const handlers: Readonly<Record<string, Handler>> = {
  "/": (_req, res) => void res.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page),
  "/hello": (_req, res) => void res.end("hello from heddle\n"),
  "/who": (_req, res) => json(res, identity),
  "/wait": async (_req, res, url) => {
    const ms = milliseconds(url, 1000);
    await sleep(ms);
    json(res, { waitedMs: ms, ...identity });
  },
  "/block": (_req, res, url) => {
    const ms = milliseconds(url, 500);
    blockTheLoop(ms);
    json(res, { blockedMs: ms, ...identity });
  },
  "/fan-out": fanOut,
  "/stream": stream,
  "/upload": upload,
  "/throw": () => {
    throw new Error("thrown by /throw, on purpose");
  },
};

// oxlint-disable-next-line typescript/no-misused-promises -- heddle answers a listener that rejects with a 500
const server: Server = createServer((req, res) => {
  const url = new URL(req.url ?? "/", "http://localhost");
  const handler = handlers[url.pathname];
  if (handler === undefined)
    res.writeHead(404).end(`nothing at ${url.pathname}; try ${Object.keys(handlers).join(" ")}\n`);
  else return handler(req, res, url);
});

/** Holds the event loop, as a slow regular expression or a large JSON.parse would. heddle's log names this function. */
function blockTheLoop(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/**
 * Asks eight shops for their price at once, each in a task of its own, and answers with what came within `ms`. The tasks of those that
 * are later end with the request: the group cancels them.
 */
async function fanOut(_req: IncomingMessage, res: ServerResponse, url: URL): Promise<void> {
  const shops = Array.from({ length: 8 }, (_, number) => `shop ${number}`);
  const group = requestGroup();
  const prices = new Channel<string>(shops.length);
  for (const [number, shop] of shops.entries()) {
    void group.go(async (context) => {
      await sleep(60 * number, undefined, { signal: context.signal });
      await prices.send(`${shop}: ${100 - number}`);
    });
  }
  const timeUp = after(milliseconds(url, 250));
  const found: string[] = [];
  while (found.length < shops.length) {
    const price = await select([receiveFrom(prices, (text) => text), receiveFrom(timeUp, () => undefined)]);
    if (price === undefined) break;
    found.push(price);
  }
  group.context.cancel();
  json(res, { found, of: shops.length, ...identity });
}

/** Server-sent events, one every 300 ms, until the client leaves. Streams have no time limit. */
async function stream(req: IncomingMessage, res: ServerResponse): Promise<void> {
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  for (let tick = 1; !res.destroyed; tick++) {
    res.write(`data: ${JSON.stringify({ tick, ...identity })}\n\n`);
    // Rejects when the client goes away, which ends the wait at once.
    await sleep(300, undefined, { signal: req.signal }).catch(() => {});
  }
}

/** Any body up to --limit-body (1 MiB); a larger one is answered 413 before it gets here. */
async function upload(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    hash.update(chunk);
  }
  json(res, { bytes, sha256: hash.digest("hex") });
}

/** A chat: each client is an actor. What one says, all hear, on whichever threads and workers they are. */
const chat = socketActor(
  async function chat(self) {
    await groups.join("chat", self.pid);
    for (;;) {
      const message = await self.receive();
      if (message === "crash") throw new Error("thrown by the chat, on purpose");
      if (typeof message === "string") publish("chat", JSON.stringify({ text: message, ...identity }));
    }
  },
  { messageBytes: 16 * 1024 },
);

export const routes: Record<string, RouteSettings> = {
  "/ws": { websocket: chat },
  "/fan-out": { model: "tasks" },
};

export function onStart(): void {
  if (thread !== 0) return;
  const { address, port } = server.address() as AddressInfo;
  console.log(`open http://${address}:${port} to see what to try; in another terminal: npx heddle status`);
}

export default server;

function milliseconds(url: URL, otherwise: number): number {
  const ms = Number(url.searchParams.get("ms") ?? otherwise);
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 60_000) : otherwise;
}

function json(res: ServerResponse, value: object): void {
  res.writeHead(200, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}
