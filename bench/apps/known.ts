/**
 * A server whose knee is known by construction, for `npm run bench:known`.
 *
 *     GET /held?c=4&d=20&w=60           takes one of 4 permits for 20 ms, and waits another 60 ms without it
 *     GET /held?c=4&d=20&w=60&blocking  the same, and blocks its thread all the time
 *     GET /work?cpu=2&block=18          computes for 2 ms of CPU time, and blocks its thread for another 18 ms
 *     GET /wait?ms=100                  waits without blocking
 *
 * A permit is a number: when it is free again. A request takes the permit that is free the earliest, from then on for `d`. So late timers
 * make an answer late, and never a permit: 4 permits of 20 ms are 200 answers a second, and not a little less. All threads of the
 * process share the permits: the first makes them, the others ask for them.
 */
import { rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const MOST_PERMITS = 64;
const ASK_EVERY_MS = 50;
const NANOS = 1_000_000;

const channel = new BroadcastChannel("permits");
const freeAtNs = new BigInt64Array(isFirst() ? offered() : await askedFor());
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Of the threads of this process: the serving thread, which runs no handler that blocks, and so always answers. */
function isFirst(): boolean {
  const claim = join(tmpdir(), `known-${process.pid}`);
  try {
    writeFileSync(claim, "", { flag: "wx" });
    process.once("exit", () => rmSync(claim, { force: true }));
    return true;
  } catch {
    return false;
  }
}

function offered(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(MOST_PERMITS * BigInt64Array.BYTES_PER_ELEMENT);
  channel.addEventListener("message", ({ data }) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads, not windows
    if (data === "who has them?") channel.postMessage(memory);
  });
  channel.unref();
  return memory;
}

function askedFor(): Promise<SharedArrayBuffer> {
  return new Promise((resolve) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads, not windows
    const ask = setInterval(() => channel.postMessage("who has them?"), ASK_EVERY_MS);
    channel.addEventListener("message", ({ data }) => {
      if (!(data instanceof SharedArrayBuffer)) return;
      clearInterval(ask);
      channel.close();
      resolve(data);
    });
  });
}

/** When a permit that was taken now is free again, in ns of the monotonic clock. */
function hold(permits: number, ms: number): bigint {
  const nanos = BigInt(Math.round(ms * NANOS));
  for (;;) {
    let earliest = 0;
    for (let i = 1; i < permits; i++) {
      if (Atomics.load(freeAtNs, i) < Atomics.load(freeAtNs, earliest)) earliest = i;
    }
    const free = Atomics.load(freeAtNs, earliest);
    const now = process.hrtime.bigint();
    const end = (free > now ? free : now) + nanos;
    if (Atomics.compareExchange(freeAtNs, earliest, free, end) === free) return end;
  }
}

function compute(ms: number): void {
  const start = process.threadCpuUsage();
  let state = 1;
  for (;;) {
    for (let step = 0; step < 5000; step++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= ms * 1000 && state !== 0) return;
  }
}

export default async function known(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://known");
  const number = (name: string): number => Number(searchParams.get(name) ?? 0);
  const answer = (): void =>
    void response.writeHead(200, { "content-type": "text/plain", "content-length": 5 }).end("done\n");
  switch (pathname) {
    case "/held": {
      const endNs = hold(number("c"), number("d")) + BigInt(number("w") * NANOS);
      const leftMs = Number(endNs - process.hrtime.bigint()) / NANOS;
      if (searchParams.has("blocking")) Atomics.wait(cell, 0, 0, Math.max(0, leftMs));
      else await sleep(leftMs);
      return answer();
    }
    case "/work":
      compute(number("cpu"));
      if (searchParams.has("block")) Atomics.wait(cell, 0, 0, number("block"));
      return answer();
    case "/wait":
      await sleep(number("ms"));
      return answer();
    default:
      return answer();
  }
}
