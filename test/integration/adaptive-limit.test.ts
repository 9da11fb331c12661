import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AdaptiveReport } from "../../src/server/http/admit/adaptive/adaptive-limit.ts";
import { type Answer, get, type LifeServer, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";

const app = fileURLToPath(new URL("../fixtures/http/adaptive.ts", import.meta.url));

/** One event loop whose limit is 1, and stays it. */
const ONE = ["-w", "1", "--limit", "adaptive:1:1", "--queue-timeout", "0", "--timeout", "2m"];

async function limitsOf(server: LifeServer, route: string = "*"): Promise<readonly AdaptiveReport[]> {
  const { workers } = await server.status();
  return workers.flatMap(({ limits }) => limits.filter((limit) => limit.route === route));
}

/** The slot is taken: the handler runs. */
async function hold(server: LifeServer, path: string): Promise<{ readonly answer: Promise<Answer> }> {
  const from = server.mark();
  const answer = get(server.url, path);
  answer.catch(() => {});
  await server.waitForLog(new RegExp(`began ${path.split("?")[0]!}`), from);
  return { answer };
}

async function emptied(server: LifeServer): Promise<void> {
  await until(
    async () => (await limitsOf(server)).every(({ inFlight, waiting }) => inFlight + waiting === 0),
    "no slot to be taken",
  );
}

/** Sends requests without a pause until one gets this status. */
async function untilStatus(server: LifeServer, path: string, status: number): Promise<Answer> {
  return until(async () => {
    const answer = await get(server.url, path);
    return answer.status === status ? answer : undefined;
  }, `${path} to be answered ${status}`);
}

describe("an adaptive limit", { concurrency: 2 }, () => {
  test("sheds with 503 and retry-after those that wait while the server is overloaded, and says so", async (t) => {
    const server = await serve(t, app, [...ONE, "--access-log"]);
    const inside = await hold(server, "/hold");
    const waiting = [1, 2, 3].map(() => get(server.url, "/late"));
    for (const { status, headers } of await Promise.all(waiting)) {
      assert.equal(status, 503);
      assert.ok(Number(headers["retry-after"]) > 0);
    }
    await server.waitForLog(/"refusal":"QUEUE_DELAYED"/);
    const [limit] = await limitsOf(server);
    assert.deepEqual([limit!.limit, limit!.max, limit!.inFlight, limit!.waiting], [1, 1, 1, 0]);
    assert.deepEqual(limit!.shed, { queueFull: 0, timedOut: 0, delayed: 3 });
    assert.equal((await get(server.url, "/healthz?release")).status, 200);
    assert.equal((await inside.answer).status, 200);
    await emptied(server);
    assert.equal((await untilStatus(server, "/late", 200)).body, "waited");
  });

  test("lets health checks pass without a slot, and requests with priority before all others", async (t) => {
    const server = await serve(t, app, ONE);
    const inside = await hold(server, "/hold");
    // None of the others passes.
    assert.equal((await get(server.url, "/late")).status, 503);
    const first = [1, 2].map((name) => get(server.url, `/first/now?as=${name}`));
    for (let i = 0; i < 3; i++) assert.equal((await get(server.url, "/healthz")).status, 200);
    await server.waitForStatus(({ workers }) => workers[0]!.limits.some(({ waiting }) => waiting === 2));
    assert.equal((await get(server.url, "/late")).status, 503);
    assert.equal((await get(server.url, "/healthz?release")).status, 200);
    for (const answer of [inside.answer, ...first]) assert.equal((await answer).status, 200);
    await emptied(server);
  });

  test("serves the newest first while overloaded", async (t) => {
    const server = await serve(t, app, ONE);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    let sent = 0;
    const statuses: number[] = [];
    const send = async (): Promise<void> => {
      const at = sent++;
      statuses[at] = (await get(server.url, "/late?ms=15", { agent })).status;
    };
    // Sent in order over one connection each; an earlier one is shed, and a later one is answered.
    const isOver = (): boolean => {
      const shed = statuses.indexOf(503);
      return shed !== -1 && statuses.indexOf(200, shed) !== -1;
    };
    await until(async () => {
      await Promise.all(Array.from({ length: 20 }, send));
      return isOver();
    }, "a later request to be answered after an earlier one was shed");
    const [limit] = await limitsOf(server);
    assert.ok(limit!.shed.delayed > 0);
  });

  test("sheds what waits in the kernel, where a handler that computes holds up its loop", async (t) => {
    const server = await serve(t, app, ["-w", "1", "--limit", "adaptive"]);
    const answers = await until(async () => {
      const some = await Promise.all(Array.from({ length: 30 }, () => get(server.url, "/spin?ms=20")));
      return some.some(({ status }) => status === 503) ? some : undefined;
    }, "a request to be shed");
    assert.ok(answers.some(({ status }) => status === 200));
    const [limit] = await limitsOf(server);
    assert.ok(limit!.shed.delayed > 0);
  });

  test("counts no response that is being sent: event streams leave room, and say nothing bad about the time of an answer", async (t) => {
    const server = await serve(t, app, ONE);
    const streams: RawConnection[] = [];
    t.after(() => streams.forEach((stream) => stream.destroy()));
    for (let i = 0; i < 3; i++) {
      const stream = await RawConnection.open(server.port);
      streams.push(stream);
      stream.request("GET /stream HTTP/1.1");
      assert.equal((await stream.head()).status, 200);
      await emptied(server);
    }
    assert.equal((await untilStatus(server, "/late", 200)).status, 200);
    for (const stream of streams) stream.destroy();
    await server.waitForStatus(({ counters }) => counters.started === counters.finished);
    await emptied(server);
  });

  test("counts no request whose client is slow to send its body, nor a WebSocket", async (t) => {
    const server = await serve(t, app, ONE);
    await using slow = await RawConnection.open(server.port);
    slow.write("POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf ");
    await server.waitForLog(/began \/upload/);
    await emptied(server);
    assert.equal((await untilStatus(server, "/late", 200)).status, 200);
    slow.write("whole");
    assert.equal((await slow.response()).body, "read");

    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", reject);
    });
    await emptied(server);
    assert.equal((await untilStatus(server, "/late", 200)).status, 200);
    socket.close();
  });

  test("of a route is its own, and its state is in heddle status beside the server's", async (t) => {
    const folder = tempFolder(t, {
      "heddle.config.ts": `export default { limit: { adaptive: { seed: 8, max: 9 } }, workers: 1 };`,
    });
    const server = await serve(t, app, ["--timeout", "20s"], { cwd: folder });
    const inside = [await hold(server, "/own"), await hold(server, "/own")];
    assert.equal((await get(server.url, "/own")).status, 503);
    // What had to wait for a busy machine is shed.
    assert.equal((await untilStatus(server, "/late?ms=1", 200)).status, 200);
    const own = (await limitsOf(server, "/own"))[0]!;
    assert.deepEqual([own.limit, own.max, own.inFlight], [2, 2, 2]);
    const server9 = (await limitsOf(server))[0]!;
    assert.equal(server9.max, 9);
    assert.ok(server9.limit >= 1 && server9.limit <= 9);
    const { stdout } = await runHeddle(["status", "--control", server.control]);
    assert.match(stdout, /ADAPTIVE LIMIT OF\s+LIMIT\s+MAX\s+IN FLIGHT\s+WAITING\s+BASELINE/);
    assert.match(stdout, /the server\s+\d+\s+9\s+2/);
    assert.match(stdout, /\/own\s+2\s+2\s+2/);
    await get(server.url, "/healthz?release");
    for (const { answer } of inside) assert.equal((await answer).status, 200);
  });

  test("is divided among the workers, and their parts follow when their number changes", async (t) => {
    const server = await serve(t, app, ["-w", "2", "-t", "1", "--limit", "adaptive:10:20"]);
    assert.deepEqual(
      (await limitsOf(server)).map(({ max }) => max),
      [10, 10],
    );
    await runHeddle(["scale", "1", "--control", server.control]);
    await until(async () => {
      const limits = await limitsOf(server);
      return limits.length === 1 && limits[0]!.max === 20;
    }, "one worker with all of it");
  });

  test("loses no slot with a thread that is killed", async (t) => {
    const flags = [
      "-w",
      "1",
      "-t",
      "2",
      "--limit",
      "adaptive:2:2",
      "--timeout",
      "1500ms",
      "--blocked-threshold",
      "200ms",
    ];
    const server = await serve(t, app, flags);
    const lost = get(server.url, "/spin?ms=600000");
    await assert.rejects(lost);
    await server.waitForLog(/is killed with 1 request on it/);
    await emptied(server);
    const answers = await Promise.all([untilStatus(server, "/late", 200), untilStatus(server, "/late", 200)]);
    assert.equal(answers.length, 2);
    await emptied(server);
  });
});

for (const model of ["loop", "sync", "threads", "thread-per-request", "tasks", "actors"]) {
  test(`an adaptive limit works under the model ${model}: all are answered, and no slot stays taken`, async (t) => {
    const fetchApp = `export default { fetch: async () => { await new Promise((r) => setTimeout(r, 2)); return new Response("ok"); } };`;
    const file = `${tempFolder(t, { "app.ts": fetchApp })}/app.ts`;
    const shape = model === "sync" ? ["-w", "2"] : ["-w", "1", "-t", "2"];
    const server = await serve(t, file, ["--model", model, ...shape, "--limit", "adaptive"]);
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => get(server.url)));
      for (const { status } of answers) assert.ok(status === 200 || status === 503, String(status));
      assert.ok(answers.some(({ status }) => status === 200));
    }
    await emptied(server);
    for (const { limit } of await limitsOf(server)) assert.ok(limit >= 1);
    await until(async () => {
      await get(server.url);
      return (await limitsOf(server)).some(({ baselineMs }) => (baselineMs ?? 0) > 0);
    }, "a baseline");
  });
}

test("requests that are forwarded to their clients' instances are counted where they run", async (t) => {
  const flags = ["-w", "2", "-t", "1", "--limit", "adaptive", "--sticky", "ip"];
  const server = await serve(t, app, flags);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(server.url, "/late?ms=5")));
  assert.ok(answers.every(({ status }) => status === 200 || status === 503));
  await emptied(server);
});

test("a limit that is no number and not adaptive is refused with what would be right", async () => {
  const { code, stderr } = await runHeddle(["check", app, "--limit", "adaptive:9:3"]);
  assert.equal(code, 2);
  assert.match(
    stderr,
    /--limit: got "adaptive:9:3" \(the max is less than the seed\); expected a whole number from 0 up, adaptive/,
  );
});

test("the streams of HTTP/2 pass the same gate, each as a request of its own", async (t) => {
  const text = `
    import { createServer } from "node:http2";
    const held = [];
    export const routes = { "/release": { priority: "always" } };
    export default createServer((req, res) => {
      if (req.url === "/hold") {
        console.log("began /hold");
        held.push(res);
      } else {
        for (const one of held.splice(0)) one.end("released");
        res.end("done");
      }
    });`;
  const server = await serve(t, `${tempFolder(t, { "app.mjs": text })}/app.mjs`, ONE);
  const session = connect(server.url);
  t.after(() => session.destroy());
  const send = async (path: string): Promise<IncomingHttpHeaders> => {
    const stream = session.request({ ":path": path });
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    stream.resume();
    return headers;
  };
  const from = server.mark();
  const inside = send("/hold");
  await server.waitForLog(/began \/hold/, from);
  const late = await send("/late");
  assert.equal(late[":status"], 503);
  assert.ok(Number(late["retry-after"]) > 0);
  assert.equal((await send("/release"))[":status"], 200);
  assert.equal((await inside)[":status"], 200);
  await emptied(server);
});
