/** The closed and the open loop against servers that say what they saw. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import type { Target } from "../../../../src/tune/load/generator.ts";
import { readyRequest } from "../../../../src/tune/load/http/ready-request.ts";
import { ClosedLoop, type ClosedLoopOptions } from "../../../../src/tune/load/loops/closed-loop.ts";
import { Deck } from "../../../../src/tune/load/loops/deck.ts";
import type { RunningLoop } from "../../../../src/tune/load/loops/loop.ts";
import { OpenLoop, type OpenLoopOptions } from "../../../../src/tune/load/loops/open-loop.ts";
import { MeasuredWindow } from "../../../../src/tune/load/loops/window.ts";
import { parsePath } from "../../../../src/tune/scenario/scenario.ts";
import { http, raw, refused } from "../servers.ts";

const PATIENCE_MS = 20_000;
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

function optionsOf(target: Target, window: MeasuredWindow, paths: readonly string[] = ["/"]) {
  return {
    target,
    requests: paths.map((path) => readyRequest(parsePath(path), target)),
    deck: new Deck(paths.map((_, index) => index + 1)),
    window,
    keepAlive: true,
    timeoutMs: PATIENCE_MS,
  };
}

function windowFor(seconds: number): MeasuredWindow {
  return new MeasuredWindow(performance.now(), seconds);
}

/** A timer may fire within the millisecond before. */
async function windowEnds({ endMs }: MeasuredWindow): Promise<void> {
  while (performance.now() < endMs) await sleep(endMs - performance.now());
}

/** Runs the loop to the end of its window, and lets it finish. */
async function finish(loop: RunningLoop, window: MeasuredWindow): Promise<void> {
  const check = setInterval(() => loop.timeOut(performance.now()), 10);
  await windowEnds(window);
  await loop.drain();
  clearInterval(check);
  loop.close(performance.now());
}

async function runClosed(
  target: Target,
  options: Partial<ClosedLoopOptions> & { concurrency: number },
  // On a busy machine this process may get no time for a good part of it.
  seconds = 1,
): Promise<MeasuredWindow> {
  const window = windowFor(seconds);
  await finish(new ClosedLoop({ ...optionsOf(target, window), ...options }), window);
  return window;
}

async function runOpen(
  target: Target,
  options: Partial<OpenLoopOptions> & { rate: number },
  seconds = 1,
): Promise<MeasuredWindow> {
  const window = windowFor(seconds);
  const all = {
    ...optionsOf(target, window),
    maxConnections: 1000,
    startMs: window.beginMs,
    maySpin: true,
    ...options,
  };
  await finish(new OpenLoop(all), window);
  return window;
}

describe("a closed loop", () => {
  it("has exactly so many requests in flight, each over a connection of its own", async () => {
    const sockets = new Set<Socket>();
    let inFlight = 0;
    let most = 0;
    const target = await http((request, response) => {
      sockets.add(request.socket);
      most = Math.max(most, ++inFlight);
      setTimeout(() => {
        inFlight--;
        response.end("ok");
      }, 5);
    });
    const { latencies, errors } = await runClosed(target, { concurrency: 7 });
    assert.ok(latencies.count > 7);
    assert.equal(errors, 0);
    assert.equal(most, 7);
    assert.equal(sockets.size, 7);
  });

  it("opens a connection for each request if it is told to", async () => {
    const sockets = new Set<Socket>();
    let requests = 0;
    const target = await http((request, response) => {
      requests++;
      sockets.add(request.socket);
      response.end("ok");
    });
    const { errors } = await runClosed(target, { concurrency: 2, keepAlive: false });
    assert.ok(requests > 2);
    assert.equal(sockets.size, requests);
    assert.equal(errors, 0);
  });

  it("goes on over a new connection when the server closes one after its answer", async () => {
    const target = await http((_request, response) => response.setHeader("connection", "close").end("ok"));
    const { latencies, errors } = await runClosed(target, { concurrency: 2 });
    assert.ok(latencies.count > 4);
    assert.equal(errors, 0);
  });

  it("repeats a GET once whose reused connection was closed under it, and no POST", async () => {
    // Answers the first request of a connection, and closes when it sees the second.
    const answered = new WeakSet<Socket>();
    const target = await raw((socket) => {
      if (answered.has(socket)) return socket.destroy();
      answered.add(socket);
      return socket.write(OK);
    });
    const gets = await runClosed(target, { concurrency: 1 });
    assert.ok(gets.latencies.count > 2);
    assert.equal(gets.errors, 0);
    const post = [readyRequest(parsePath("POST /"), target)];
    const posts = await runClosed(target, { concurrency: 1, requests: post, pauseAfterFailureMs: 1 });
    assert.ok((posts.errorsByCause["reset"] ?? 0) > 0);
  });

  it("counts what the connections and the statuses did, by cause, and goes on", async () => {
    let requests = 0;
    const failing = await http((request, response) => {
      if (++requests % 3 === 0) request.socket.destroy();
      else response.writeHead(requests % 3 === 1 ? 200 : 503).end();
    });
    const { errorsByCause, latencies } = await runClosed(failing, { concurrency: 1, pauseAfterFailureMs: 1 });
    assert.ok(latencies.count > 1);
    assert.ok((errorsByCause["503"] ?? 0) > 1);
    const down = await runClosed(await refused(), { concurrency: 3, pauseAfterFailureMs: 20 });
    assert.ok((down.errorsByCause["refused"] ?? 0) > 3);
    assert.deepEqual(Object.keys(down.errorsByCause), ["refused"]);
    assert.equal(down.latencies.count, 0);
  });

  it("gives up on an answer that does not come in time, and asks again over a new connection", async () => {
    let requests = 0;
    const target = await raw(() => requests++);
    const { errorsByCause } = await runClosed(target, { concurrency: 2, timeoutMs: 50, pauseAfterFailureMs: 1 });
    assert.ok((errorsByCause["timeout"] ?? 0) >= 2);
    assert.ok(requests > 2);
  });

  it("sends each request as often as its weight says", async () => {
    const seen: Record<string, number> = {};
    const target = await http((request, response) => {
      seen[request.url!] = (seen[request.url!] ?? 0) + 1;
      response.end("ok");
    });
    const window = windowFor(0.5);
    const loop = new ClosedLoop({ ...optionsOf(target, window, ["/a", "/b", "/c"]), concurrency: 3 });
    await finish(loop, window);
    const { "/a": a = 0, "/b": b = 0, "/c": c = 0 } = seen;
    // Weights 1, 2, 3: a round of six may be open at the end.
    assert.ok(a > 3, JSON.stringify(seen));
    assert.ok(Math.abs(b - 2 * a) <= 2 && Math.abs(c - 3 * a) <= 3, JSON.stringify(seen));
  });

  it("finishes what is under way when it ends, and sends nothing more", async () => {
    const waiting: ServerResponse[] = [];
    const target = await http((_request, response) => waiting.push(response));
    const window = windowFor(0.1);
    const loop = new ClosedLoop({ ...optionsOf(target, window), concurrency: 2 });
    while (waiting.length < 2) await sleep(5);
    await windowEnds(window);
    const drained = loop.drain();
    for (const response of waiting) response.end("ok");
    await drained;
    assert.equal(waiting.length, 2);
    // Their answers came after the window: no latency, and a part of the throughput.
    assert.equal(window.latencies.count, 0);
    assert.ok(window.throughputAnswers > 0 && window.throughputAnswers < 2);
    loop.close(performance.now());
  });
});

describe("an open loop", () => {
  it("sends what is due, whatever became of the earlier requests", async () => {
    const requests: unknown[] = [];
    const target = await http((request) => requests.push(request));
    const window = windowFor(0.5);
    const loop = new OpenLoop({
      ...optionsOf(target, window),
      rate: 200,
      maxConnections: 1000,
      startMs: window.beginMs,
      maySpin: true,
    });
    await windowEnds(window);
    while (requests.length < 100) await sleep(5);
    loop.close(performance.now());
    assert.deepEqual(window.errorsByCause, { timeout: 100 });
  });

  it("times from when a request was due: a server that stalls pays for all that had to wait", async () => {
    // Of one second at 200 a second it answers nothing for the first 400 ms: 80 requests are late, by 400 ms to 0.
    const STALL_MS = 400;
    let stalledUntil: number | undefined;
    const target = await http((_request, response) => {
      stalledUntil ??= performance.now() + STALL_MS;
      const leftMs = stalledUntil - performance.now();
      if (leftMs > 0) setTimeout(() => response.end("ok"), leftMs);
      else response.end("ok");
    });
    for (const maxConnections of [1000, 1]) {
      stalledUntil = undefined;
      const { latencies, errors } = await runOpen(target, { rate: 200, maxConnections });
      assert.equal(latencies.count, 200);
      assert.equal(errors, 0);
      // A closed loop over one connection would have had one slow answer, and a p95 without it.
      assert.ok(latencies.percentile(0.99) >= STALL_MS * 0.8, `p99 ${latencies.percentile(0.99)}`);
      assert.ok(latencies.percentile(0.9) >= STALL_MS * 0.3, `p90 ${latencies.percentile(0.9)}`);
    }
  });

  it("keeps its pace after it was held up itself, and says how often it was late", async () => {
    let requests = 0;
    const target = await http((_request, response) => {
      requests++;
      response.end("ok");
    });
    const window = windowFor(0.5);
    const loop = new OpenLoop({
      ...optionsOf(target, window),
      rate: 400,
      maxConnections: 1000,
      startMs: window.beginMs,
      maySpin: true,
    });
    const until = performance.now() + 200;
    while (performance.now() < until);
    await finish(loop, window);
    assert.equal(requests, 200);
    assert.ok(window.late >= 70, `${window.late} late`);
    assert.ok(window.latencies.maxMs >= 180);
  });

  it("doesn't call late what waited for a connection", async () => {
    const target = await http((_request, response) => void setTimeout(() => response.end("ok"), 100));
    const { latencies, late, sent } = await runOpen(target, { rate: 40, maxConnections: 1 }, 0.5);
    assert.equal(latencies.count, 20);
    // At 10 a second they take four times as long as they were due in: the rest was sent after the window.
    assert.ok(sent < 10, `${sent} sent`);
    assert.ok(latencies.maxMs >= 1300, String(latencies.maxMs));
    assert.ok(late <= sent / 2, `${late} late`);
  });

  it("reuses idle connections, and opens more only when none is idle", async () => {
    const sockets = new Set<Socket>();
    const target = await http((request, response) => {
      sockets.add(request.socket);
      response.end("ok");
    });
    const { latencies } = await runOpen(target, { rate: 50 }, 0.6);
    assert.equal(latencies.count, 30);
    assert.ok(sockets.size < 30, `${sockets.size} connections`);
  });

  it("counts requests that never got a connection as timed out", async () => {
    const target = await raw(() => {});
    const { errors, errorsByCause } = await runOpen(target, { rate: 100, maxConnections: 1, timeoutMs: 100 }, 0.4);
    assert.equal(errors, 40);
    assert.deepEqual(errorsByCause, { timeout: 40 });
  });

  it("sends again over a new connection when an idle one was closed under it", async () => {
    const answered = new WeakSet<Socket>();
    const target = await raw((socket) => {
      if (answered.has(socket)) return socket.destroy();
      answered.add(socket);
      return socket.write(OK);
    });
    const { latencies, errors } = await runOpen(target, { rate: 50 }, 0.4);
    assert.equal(latencies.count, 20);
    assert.equal(errors, 0);
  });
});
