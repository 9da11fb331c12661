/** Half of a mixed load is forwarded between instances, and a reload loses nothing of it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { startMixedLoad } from "../../bench/mixed/start.ts";
import { lifeApp, serve } from "../server/arbiter/support.ts";

const CLIENTS = { keepAlive: 4, newConnections: 3, uploads: 3, slow: 3, streams: 3, webSockets: 2 };

for (const shape of [
  ["-w", "2", "-t", "1"],
  ["-w", "2", "-t", "2"],
]) {
  test(`a reload of ${shape.join(" ")} under load fails no forwarded request`, async (t) => {
    const server = await serve(t, lifeApp, [...shape, "--sticky", "ip"]);
    const load = startMixedLoad({ url: server.url, ...CLIENTS, rampMs: 100, timeoutMs: 20_000 });
    t.after(async () => void (await load.stop().catch(() => undefined)));
    await load.ready;
    server.signal("SIGHUP");
    await server.waitForLog(/reload \(SIGHUP\): generation 2: serving/);
    await server.waitForStatus(({ workers }) => workers.every(({ generation }) => generation === 2));
    const report = await load.stop();
    assert.equal(report.failed, 0, JSON.stringify(report.failures.slice(0, 5)));
    assert.equal(report.retried, 0, "no keep-alive connection closed under a request");
    for (const [kind, { ok }] of Object.entries(report.kinds)) assert.ok(ok > 0, `${kind} were served`);
    assert.ok((report.kinds.webSockets?.goingAway ?? 0) > 0, "WebSockets got 1001");
    assert.ok((await server.status()).counters.forwarded > 0);
  });
}
