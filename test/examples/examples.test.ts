/** Each example is checked and served, and answers as its README says. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ask } from "../../src/server/control/client.ts";
import type { ServerStatus } from "../../src/server/control/status.ts";
import { until } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";
import { runHeddle, startServer, type ServerOptions, type TestServer } from "../support/server.ts";

const examples: string = fileURLToPath(new URL("../../examples/", import.meta.url));

/** Checks the example, serves it on one thread, and stops it after `use`. */
async function serving(
  folder: string,
  use: (server: TestServer) => Promise<void>,
  args: readonly string[] = [],
  options: ServerOptions = {},
): Promise<void> {
  const given: ServerOptions = { cwd: join(examples, folder), ...options };
  const check = await runHeddle(["check", "app.ts", ...args], given);
  assert.equal(check.code, 0, check.stderr);
  assert.match(check.stdout, /^ok$/m);
  await using server = await startServer("app.ts", ["--threads", "1", ...args], given);
  await use(server);
}

async function get(server: TestServer, path: string): Promise<string> {
  const response = await fetch(server.url + path);
  assert.equal(response.status, 200);
  return response.text();
}

async function postJson(url: string, value: unknown): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  return (await fetch(url, { method: "POST", headers, body: JSON.stringify(value) })).json();
}

/** Opens a WebSocket, says one thing, gives back what it hears. */
async function say(url: string, message: string): Promise<{ readonly socket: WebSocket; readonly heard: string }> {
  const socket = new WebSocket(url.replace("http", "ws"));
  await once(socket, "open");
  const hearing = once(socket, "message");
  socket.send(message);
  const [event] = (await hearing) as [MessageEvent];
  return { socket, heard: String(event.data) };
}

describe("examples", { concurrency: 3 }, () => {
  test("01-hello says hello", () =>
    serving("01-hello", async (server) => assert.equal(await get(server, "/"), "hello\n")));

  test("02-fetch answers text, JSON and a stream", () =>
    serving("02-fetch", async (server) => {
      assert.equal(await get(server, "/?name=loom"), "hello loom\n");
      assert.deepEqual(await postJson(`${server.url}/sum`, [1, 2, 3]), { sum: 6 });
      assert.equal(await get(server, "/count"), "1\n2\n3\n4\n5\n");
    }));

  test("03-express echoes JSON", () =>
    serving("03-express", async (server) => {
      assert.deepEqual(await postJson(`${server.url}/echo`, { a: 1 }), { a: 1 });
    }));

  test("04-fastify validates, speaks WebSocket, and runs its onClose hook", () =>
    serving("04-fastify", async (server) => {
      assert.equal(await get(server, "/square/7"), '{"square":49}');
      const { socket, heard } = await say(`${server.url}/ws`, "hello");
      assert.equal(heard, "fastify heard hello");
      socket.close();
      await once(socket, "close");
      await server.stop();
      assert.match(server.stdout(), /fastify closed/);
    }));

  test("05-koa runs its middleware", () =>
    serving("05-koa", async ({ url }) => {
      const response = await fetch(url);
      assert.equal(await response.text(), "hello from koa\n");
      assert.match(response.headers.get("x-response-time") ?? "", /ms$/);
    }));

  test("06-hono streams events", () =>
    serving("06-hono", async (server) => {
      assert.match(await get(server, "/stream"), /data: 1\n\ndata: 2\n\ndata: 3/);
    }));

  test("07-nest runs with decorators applied as functions", () =>
    serving("07-nest", async (server) => {
      assert.equal(await get(server, "/"), "hello from nest\n");
      assert.deepEqual(await postJson(`${server.url}/echo`, { a: 1 }), { a: 1 });
    }));

  test("08-websocket answers, and closes its sockets with 1001 when the server stops", () =>
    serving("08-websocket", async (server) => {
      const { socket, heard } = await say(server.url, "hello");
      assert.equal(heard, "heard hello");
      const closing = once(socket, "close");
      await server.stop();
      const [event] = (await closing) as [CloseEvent];
      assert.equal(event.code, 1001);
    }));

  test("09-self-listening is served though it calls listen(3000)", () =>
    serving("09-self-listening", async (server) => {
      assert.equal(await get(server, "/"), "hello from an app that listens itself\n");
      assert.match(server.stdout(), new RegExp(`port: ${server.port}`));
    }));

  test("10-routes-and-limits times a route out and sheds what exceeds its limit", () =>
    serving("10-routes-and-limits", async ({ url }) => {
      const statuses = async (...paths: string[]): Promise<number[]> => {
        const responses = await Promise.all(paths.map((path) => fetch(url + path)));
        return responses.map(({ status }) => status).sort((a, b) => a - b);
      };
      assert.deepEqual(await statuses("/quick?ms=60000"), [504]);
      const reports = Array.from({ length: 6 }, (_, i) => `/report/${i}?ms=2500`);
      assert.deepEqual(await statuses(...reports), [200, 200, 200, 200, 503, 503]);
    }));

  test("11-graceful starts and stops in order, and calls off what nobody waits for", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-example-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const control = join(folder, "control.sock");
    await serving(
      "11-graceful",
      async (server) => {
        assert.match(server.stdout(), /instance 0: database connected/);
        assert.equal(await get(server, "/?ms=10"), "rows after 10 ms\n");
        const inFlight = (count: number): Promise<unknown> =>
          until(async () => {
            const { workers } = (await ask(control, "/status")) as ServerStatus;
            return workers[0]!.threads[0]!.inFlight === count;
          }, `${count} requests in flight`);
        const leaving = new AbortController();
        const left = assert.rejects(fetch(`${server.url}/?ms=60001`, { signal: leaving.signal }), /abort/);
        await inFlight(1);
        leaving.abort();
        await left;
        await server.waitForLog(/query called off: AbortError/);
        assert.equal((await fetch(`${server.url}/?ms=60000`)).status, 504);
        await server.waitForLog(/query called off: TimeoutError/);
        const clock = await fetch(`${server.url}/clock`);
        const last = get(server, "/?ms=3000");
        await inFlight(2);
        await server.stop();
        assert.equal(await last, "rows after 3000 ms\n");
        assert.match(await clock.text(), /^data: .*\n\n$/m);
        assert.match(server.stdout(), /clock stopped: DrainError/);
        assert.match(server.stdout(), /instance 0: draining \(stop\)[^]*instance 0: database closed/);
      },
      // More than a client that leaves at once is waited for, on a machine that hears of it late.
      ["--timeout", "8s", "--control", control],
    );
  });

  test("12-systemd runs on a socket it inherits as descriptor 3, and its unit's flags exist", async () => {
    const cwd = join(examples, "12-systemd");
    const unit = readFileSync(join(cwd, "heddle.service"), "utf8");
    const [, flags = ""] = /^ExecStart=\S+ serve (.*)$/m.exec(unit) ?? [];
    const check = await runHeddle(["check", ...flags.split(" ")], { cwd });
    assert.equal(check.code, 0, check.stderr);
    const child = spawn(process.execPath, ["inherit.ts", "0", "--threads", "1", "--control", "off"], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const [, url] = /^listening on (\S+)$/.exec(line) ?? [];
        if (url === undefined) continue;
        assert.match(await (await fetch(url)).text(), /^hello from process \d+$/m);
        break;
      }
    } finally {
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      assert.equal(code, 0);
    }
  });

  test("13-docker runs with the environment of its Dockerfile", () => {
    const dockerfile = readFileSync(join(examples, "13-docker/Dockerfile"), "utf8");
    const env = Object.fromEntries(
      [...dockerfile.matchAll(/(HEDDLE_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    );
    assert.match(dockerfile, /^CMD \["node_modules\/\.bin\/heddle", "serve", "app\.ts"\]$/m);
    return serving("13-docker", async (server) => assert.match(await get(server, "/"), /in a container/), [], {
      env: { ...env, HEDDLE_HEALTH_PORT: "0" },
    });
  });

  test("14-unix-socket-nginx answers on its Unix socket", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-example-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "app.sock");
    if (!hasFfi) {
      const cwd = join(examples, "14-unix-socket-nginx");
      const { stderr } = await runHeddle(["check", "app.ts", "--listen", `unix:${socketPath}`], { cwd });
      assert.match(stderr, /^heddle: Unix sockets need `node:ffi`/);
      return;
    }
    const look = async (): Promise<void> => {
      const req = request({ socketPath, headers: { "x-forwarded-for": "192.0.2.1" } }).end();
      const [response] = (await once(req, "response")) as [NodeJS.ReadableStream];
      assert.equal(await text(response), "hello 192.0.2.1\n");
    };
    await serving("14-unix-socket-nginx", look, ["--listen", `unix:${socketPath}?mode=0660`]);
  });

  test("25-shared-rate-limit limits, keeps sessions and caches for all of its copies", () =>
    serving(
      "25-shared-rate-limit",
      async (server) => {
        const login = async (): Promise<number> => (await fetch(`${server.url}/login`, { method: "POST" })).status;
        const statuses = await Promise.all(Array.from({ length: 24 }, login));
        assert.deepEqual(Object.groupBy(statuses, String)["200"]?.length, 10);
        assert.deepEqual(Object.groupBy(statuses, String)["429"]?.length, 14);
        assert.match((await fetch(`${server.url}/login`, { method: "POST" })).headers.get("ratelimit")!, /r=0/);
        let cookie = "";
        for (let visit = 1; visit <= 12; visit++) {
          const headers = { cookie, connection: "close" };
          const response = await fetch(`${server.url}/visits`, { headers });
          assert.equal(await response.text(), `visit ${visit}\n`);
          cookie ||= response.headers.get("set-cookie")!.split(";")[0]!;
        }
        const reports = await Promise.all(Array.from({ length: 16 }, () => get(server, "/report/7")));
        assert.deepEqual(new Set(reports), new Set(['{"id":"7","made":1}']));
        assert.equal(await get(server, "/report/8"), '{"id":"8","made":2}');
      },
      ["--workers", "2"],
    ));

  test("37-chat has rooms over all workers, also for request handlers", () =>
    serving(
      "37-chat",
      async ({ url }) => {
        const enter = async (name: string): Promise<{ socket: WebSocket; said: string[] }> => {
          const socket = new WebSocket(`${url.replace("http", "ws")}/chat/lobby?name=${name}`);
          const said: string[] = [];
          socket.addEventListener("message", ({ data }) => said.push(String(data)));
          await once(socket, "message");
          return { socket, said };
        };
        const ann = await enter("ann");
        const bee = await enter("bee");
        // What one worker knows of a room, the others know a moment later.
        await until(async () => {
          await fetch(`${url}/announce/lobby`, {
            method: "POST",
            body: "news",
            headers: { "content-type": "text/plain" },
          });
          return bee.said.includes("* news");
        }, "bee to hear the news");
        bee.socket.send("hello");
        await until(() => ann.said.includes("bee: hello"), "ann to hear bee");
        bee.socket.close();
        await until(() => ann.said.includes("* bee has left"), "ann to hear that bee has left");
        ann.socket.close();
        const refused = new WebSocket(`${url.replace("http", "ws")}/chat/lobby`);
        await once(refused, "error");
      },
      ["--workers", "2"],
    ));

  test("the showcase does what its page says", () =>
    serving("showcase", async (server) => {
      assert.match(await get(server, "/"), /heddle showcase|<h1>/);
      assert.match(server.stdout(), new RegExp(`open ${server.url}`));
      assert.match(await get(server, "/who"), /"thread":0/);
      assert.match(await get(server, "/wait?ms=1"), /"waitedMs":1/);
      const some = JSON.parse(await get(server, "/fan-out?ms=1")) as { found: string[]; of: number };
      assert.ok(some.found.length < some.of, `${some.found.length} of ${some.of}`);
      const all = JSON.parse(await get(server, "/fan-out?ms=30000")) as { found: string[]; of: number };
      assert.equal(all.found.length, all.of);
      assert.equal((await fetch(`${server.url}/throw`)).status, 500);
      const upload = (bytes: number): Promise<Response> =>
        fetch(`${server.url}/upload`, { method: "POST", body: new Uint8Array(bytes) });
      assert.match(await (await upload(65_536)).text(), /"bytes":65536/);
      assert.equal((await upload(2 ** 21)).status, 413);
      const stream = (await fetch(`${server.url}/stream`)).body!.getReader();
      assert.match(Buffer.from((await stream.read()).value ?? []).toString(), /^data: \{"tick":1/);
      await stream.cancel();
      const { socket, heard } = await say(`${server.url}/ws`, "hello");
      assert.match(heard, /"text":"hello"/);
      socket.close();
      await get(server, "/block?ms=400");
      await server.waitForLog(/event loop blocked for \d+ ms in blockTheLoop/);
    }));

  test("15-blocking-route answers quickly beside a route that blocks", () =>
    serving("15-blocking-route", async (server) => {
      // On a machine that is very busy, the report may be done before the other one is asked for.
      for (let isBeside = false, round = 0; !isBeside; round++) {
        assert.ok(round < 10, "no other request was ever answered meanwhile");
        let reported = false;
        const report = get(server, "/report/1").then((body) => {
          reported = true;
          return JSON.parse(body) as { threadId: number };
        });
        const hello = JSON.parse(await get(server, "/hello")) as { threadId: number };
        isBeside = !reported;
        assert.notEqual((await report).threadId, hello.threadId);
      }
    }));

  test("35-reclassify has several reports wait on a thread that runs one at a time", () =>
    serving("35-reclassify", async (server) => {
      const ask = async (): Promise<{ total: number; atOnce: number }> => JSON.parse(await get(server, "/report"));
      assert.equal((await ask()).total, 250);
      // On a machine that is very busy, the first are done before the others come.
      for (let most = 1, round = 0; most === 1; round++) {
        assert.ok(round < 20, "no two reports ever waited on the same thread");
        const reports = await Promise.all(Array.from({ length: 10 }, ask));
        most = Math.max(...reports.map(({ atOnce }) => atOnce));
      }
    }));

  test("16-sqlite keeps notes from several threads in one file", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-example-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const env = { NOTES_FILE: join(folder, "notes.db") };
    await serving(
      "16-sqlite",
      async (server) => {
        const adding = Array.from({ length: 20 }, (_, i) => fetch(`${server.url}/notes?text=${i}`, { method: "POST" }));
        for (const { status } of await Promise.all(adding)) assert.equal(status, 201);
        assert.equal((JSON.parse(await get(server, "/")) as unknown[]).length, 20);
      },
      ["--model", "threads", "--threads", "4"],
      { env },
    );
  });

  test("17-untrusted survives what it runs", async () => {
    const evaluate = async ({ url }: TestServer, body: string): Promise<string | number> => {
      const response = await fetch(url, { method: "POST", body });
      return response.status === 200 ? response.text() : response.status;
    };
    const args = ["--model", "thread-per-request", "--threads", "2:8"];
    await serving(
      "17-untrusted",
      async (server) => {
        assert.equal(await evaluate(server, "6 * 7"), "42\n");
        assert.deepEqual([await evaluate(server, "requests"), await evaluate(server, "requests")], ["1\n", "1\n"]);
        assert.equal(await evaluate(server, "const a = []; for (;;) a.push(a.concat(1))"), 500);
        assert.equal(await evaluate(server, "1 + 1"), "2\n");
      },
      [...args, "--handler-memory", "64mb"],
    );
    // Apart, because filling a heap takes longer than this on a busy machine.
    await serving("17-untrusted", async (server) => assert.equal(await evaluate(server, "for (;;);"), 504), [
      ...args,
      "--timeout",
      "1s",
    ]);
  });

  test("18-await-sync fills a template with what it waits for, and calls off what nobody waits for", () =>
    serving(
      "18-await-sync",
      async (server) => {
        assert.equal(await get(server, "/"), "hello loom\n");
        assert.equal(await get(server, "/?template=%7Bfarewell%7D!"), "see you!\n");
        const refused = await fetch(`${server.url}/?template=%7Bnothing%7D`);
        assert.deepEqual([refused.status, await refused.text()], [422, 'there is no text "nothing"\n']);
        assert.equal((await fetch(`${server.url}/?ms=60000`)).status, 504);
        await server.waitForLog(/look-up called off: TimeoutError/);
      },
      ["--model", "threads", "--threads", "4", "--timeout", "10s"],
    ));

  test("36-supervised-app asks its tree, which restarts what crashes, and stops it at the end", () =>
    serving(
      "36-supervised-app",
      async (server) => {
        const ask = async (path: string): Promise<number | string> => {
          const response = await fetch(server.url + path);
          return response.status === 200 ? response.text() : response.status;
        };
        assert.deepEqual([await ask("/count"), await ask("/count")], ["1\n", "2\n"]);
        assert.deepEqual(
          [await ask("/wool"), await ask("/both")],
          ["cloth of wool\n", "cloth of warp and cloth of weft\n"],
        );
        assert.equal(await ask("/crash"), 500);
        await server.waitForLog(/child <.*>\/counter was restarted/);
        assert.equal(await ask("/count"), "1\n");
        assert.equal(await ask("/knot"), 500);
        await server.waitForLog(/child <.*>\/cache was restarted/);
        assert.equal(await ask("/wool"), "cloth of wool\n");
        assert.equal((await server.stop()).code, 0);
      },
      ["--model", "actors"],
    ));
});
