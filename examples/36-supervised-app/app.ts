/**
 * An app with a supervision tree: a cache and a counter, which the handlers ask. Each request is an actor too (`--model actors`).
 * A server that crashes is restarted by its supervisor; the requests that waited for it fail, and no others.
 */

import { setTimeout as sleep } from "node:timers/promises";
// In your project: from "heddle/actors".
import { currentActor, genServer, spawn, supervisor, type Pid, type ServerPid } from "../../src/actors/index.ts";

interface Entry {
  readonly value: string;
  readonly untilMs: number;
}

const KEPT_MS = 10_000;

/**
 * The servers of this copy of the app. Each notes itself when it starts, and again when it is restarted. Names (`spawn(…, { name })`)
 * are known to all copies of the app, so that only one of them could have each.
 */
const servers = {} as { cache: ServerPid<[string, string]>; counter: ServerPid<["count" | "crash", number]> };

/** Answers after the value is there: whoever asks for the same key meanwhile waits in its mailbox, and finds it made. */
const cache = genServer({
  init: (self) => {
    servers.cache = self.pid as typeof servers.cache;
    return new Map<string, Entry>();
  },
  handleCall: async (key: string, entries) => {
    const known = entries.get(key);
    if (known !== undefined && known.untilMs > Date.now()) return { reply: known.value };
    const value = await weave(key);
    entries.set(key, { value, untilMs: Date.now() + KEPT_MS });
    return { reply: value };
  },
});

const counter = genServer({
  init: (self) => {
    servers.counter = self.pid as typeof servers.counter;
    return 0;
  },
  handleCall: (request: "count" | "crash", count) => {
    if (request === "crash") throw new Error("the counter was told to crash");
    return { reply: count + 1, state: count + 1 };
  },
});

async function weave(key: string): Promise<string> {
  if (key === "knot") throw new Error("this one cannot be woven");
  await sleep(20);
  return `cloth of ${key}`;
}

/** Before the first request. If the tree gives up, heddle drains this copy of the app and starts another one. */
export async function onStart(): Promise<void> {
  const tree = supervisor({
    intensity: 3,
    periodMs: 5000,
    children: [
      { id: "cache", start: [cache] },
      { id: "counter", start: [counter] },
    ],
  });
  await spawn(tree);
}

const app = {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const self = currentActor();
    if (pathname === "/count") return text(await self.call(servers.counter, "count"));
    if (pathname === "/crash") return text(await self.call(servers.counter, "crash"));
    if (pathname === "/both") {
      // Two more actors of this request. If one of them fails, its link ends the request, which ends the other one.
      const [warp, weft] = await Promise.all([woven("warp", self.pid), woven("weft", self.pid)]);
      return text(`${warp} and ${weft}`);
    }
    return text(await self.call(servers.cache, pathname.slice(1)));
  },
};

async function woven(key: string, request: Pid): Promise<string> {
  const made = Promise.withResolvers<string>();
  await spawn(async (self) => made.resolve(await self.call(servers.cache, key)), [], { link: request });
  return await made.promise;
}

function text(value: unknown): Response {
  return new Response(`${String(value)}\n`);
}

export default app;
