import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, it } from "node:test";
import { pacedLoad, streamOf } from "../../bench/paced/paced.ts";

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** Answers the first request of each connection after `firstMs`, the others at once. */
async function listen(firstMs: number): Promise<string> {
  const seen = new WeakSet<object>();
  const server = createServer((request, response) => {
    const first = !seen.has(request.socket);
    seen.add(request.socket);
    setTimeout(() => response.end("ok"), first ? firstMs : 0).unref();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a paced load", { concurrency: 2 }, () => {
  it("times a client's request from when it was due, also while the client's last one is not answered", async () => {
    const url = await listen(400);
    const streams = [{ name: "due", path: "/", perSecond: 40, clients: 2 }];
    const report = streamOf(await pacedLoad({ url, streams, seconds: 1 }), "due");
    assert.equal(report.ok, 40);
    assert.equal(report.failed, 0);
    // 50 ms apart: only the first of each client is slow, and the others that were due meanwhile are late.
    assert.ok(report.p95Ms >= 250, String(report.p95Ms));
  });

  it("lets a client rest after an answer", async () => {
    const url = await listen(0);
    const streams = [{ name: "rest", path: "/", clients: 5, restMs: 60_000 }];
    const report = streamOf(await pacedLoad({ url, streams, seconds: 1 }), "rest");
    assert.equal(report.ok, 5);
    assert.equal(report.failed, 0);
  });

  it("counts no request as failed that is under way at its end", async () => {
    const url = await listen(60_000);
    const streams = [{ name: "waits", path: "/", clients: 5 }];
    // The end is at another part of a millisecond each time.
    const reports = await Promise.all(Array.from({ length: 12 }, () => pacedLoad({ url, streams, seconds: 1 })));
    for (const report of reports) assert.equal(streamOf(report, "waits").failed, 0);
  });
});
