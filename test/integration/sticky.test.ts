/** Requests of one client reach one copy of the app, whatever connections they come on: over each shape with several copies. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { get, type LifeServer, makeCertificate, serve, tempFolder, until } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";
import { type Clock, inTime } from "../support/in-time.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle } from "../support/server.ts";
import { COOKIE, twoCopies } from "../support/sticky-copies.ts";

const app = fileURLToPath(new URL("../fixtures/sticky/app.ts", import.meta.url));
const shapes = [
  ["-t", "2"],
  ["-w", "2", "-t", "1"],
  ["-w", "2", "-t", "2"],
] as const;
/** For so long the new workers wait for an old one that is held up. */
const PATIENCE_MS = 3000;

for (const shape of shapes) {
  describe(`sticky clients of ${shape.join(" ")}`, { concurrency: 1 }, () => {
    let server: LifeServer;
    const endings: (() => void | Promise<void>)[] = [];
    after(async () => {
      for (const end of endings.toReversed()) await end();
    });
    before(async () => {
      server = await serve({ after: (end) => void endings.push(end as () => Promise<void>) }, app, [
        ...shape,
        "--sticky",
        "cookie",
        "--limit-body",
        "8MB",
        // The copies have connections that are idle while others are waited for.
        "--keep-alive",
        "1m",
      ]);
    });

    test("by cookie: all requests reach the copy that answered the first one", async () => {
      const first = await fetch(server.url);
      const [given] = first.headers.getSetCookie();
      assert.match(given!, /^heddle_instance=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax$/);
      const cookie = given!.split(";")[0]!;
      const { copy } = (await first.json()) as { copy: string };
      for (let visits = 2; visits < 12; visits++) {
        await using connection = await RawConnection.open(server.port);
        const response = await connection.request("GET / HTTP/1.1", [`cookie: ${cookie}`]).response();
        const seen = JSON.parse(response.body) as { copy: string; visits: number; remotePort: number };
        assert.deepEqual([seen.copy, seen.visits], [copy, visits]);
        assert.equal(seen.remotePort, connection.socket.localPort, "the app sees the client's own connection");
        assert.equal(response.headers["set-cookie"], undefined, "the client has its cookie");
      }
      const { counters } = await server.waitForStatus((now) => now.counters.finished >= 11);
      assert.deepEqual([counters.started, counters.finished], [11, 11], "each request is counted once");
      assert.ok(counters.forwarded > 0 && counters.forwarded < 11, `${counters.forwarded} were forwarded`);
    });

    test("by address: all requests reach one copy, and there is no cookie", async (t) => {
      const server = await serve(t, app, [...shape, "--sticky", "ip"]);
      const copies = new Set<string>();
      for (let i = 0; i < 12; i++) {
        await using connection = await RawConnection.open(server.port);
        const { headers } = await connection.request("GET / HTTP/1.1").response();
        copies.add(headers["x-copy"]!);
        assert.equal(headers["set-cookie"], undefined);
      }
      assert.equal(copies.size, 1);
    });

    test("one connection carries the requests of several clients, pipelined and in order", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      const order = [b, a, b, b, a, a, b];
      for (const { cookie } of order) a.connection.request("GET /slow?ms=20 HTTP/1.1", [cookie]);
      for (const { name } of order) assert.equal((await a.connection.response()).body, name);
      for (const { cookie } of order)
        a.connection.request("POST /count HTTP/1.1", [cookie, "content-length: 3"], "abc");
      for (const { name } of order) assert.equal((await a.connection.response()).headers["x-copy"], name);
    });

    test("bodies of several megabytes and streams pass in both directions", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      const body = Buffer.alloc(5_000_000, "0123456789abcdef").toString("latin1");
      a.connection.request("POST /echo HTTP/1.1", [b.cookie, `content-length: ${body.length}`], body);
      const echoed = await a.connection.response();
      assert.equal(echoed.headers["x-copy"], b.name);
      assert.ok(echoed.complete && echoed.body === body);
      a.connection.request("POST /count HTTP/1.1", [b.cookie, "transfer-encoding: chunked"]);
      for (let at = 0; at < body.length; at += 100_000)
        a.connection.write(`186a0\r\n${body.slice(at, at + 100_000)}\r\n`);
      a.connection.write("0\r\nx-trailer: 1\r\n\r\n");
      assert.equal((await a.connection.response()).body, String(body.length));
      a.connection.request("POST /count HTTP/1.1", [b.cookie, "expect: 100-continue", "content-length: 4"]);
      assert.equal((await a.connection.response()).status, 100);
      a.connection.write("body");
      assert.equal((await a.connection.response()).body, "4");
    });

    test("a client that leaves is noticed by the copy that serves it", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      const streams = async (): Promise<unknown> =>
        JSON.parse((await b.connection.request("GET /streams HTTP/1.1").response()).body);
      assert.deepEqual(await streams(), { streams: 0, aborted: 0 });
      a.connection.request("GET /events HTTP/1.1", [b.cookie]);
      assert.equal((await a.connection.head()).headers["x-copy"], b.name);
      assert.deepEqual(await streams(), { streams: 1, aborted: 0 });
      a.connection.destroy();
      await until(async () => ((await streams()) as { aborted: number }).aborted === 1, "the copy to notice");
    });

    // Without it the end of the client's side can't be passed on.
    const skip = !hasFfi;
    test("a client that ends its side with its request is answered, however long the copy's loop stands still", {
      skip,
    }, async (t) => {
      const attempt = async ({ sendLast }: Clock): Promise<void> => {
        const [a, b] = await twoCopies(t, server.port);
        b.connection.request("GET /blocks?ms=3000 HTTP/1.1");
        await until(async () => {
          const { workers } = await server.status();
          return workers.some(({ threads }) => threads.some(({ inFlight }) => inFlight > 0));
        }, "the copy to be busy");
        const post = (body: string): string =>
          `POST /count HTTP/1.1\r\nhost: test\r\n${b.cookie}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
        const clients = await Promise.all(
          Array.from({ length: 12 }, async (_, i) => {
            const connection = await RawConnection.open(server.port);
            t.after(() => connection.destroy());
            // Pipelined behind that one: it begins when the client has ended its side already.
            sendLast(connection, post("abc") + (i % 2 === 0 ? post("abcd") : ""));
            return connection;
          }),
        );
        a.connection.request("GET / HTTP/1.1", [b.cookie]);
        for (const [i, connection] of clients.entries()) {
          assert.equal((await connection.response()).body, "3");
          if (i % 2 === 0) assert.equal((await connection.response()).body, "4");
          await connection.ended();
        }
        assert.equal((await a.connection.response()).headers["x-copy"], b.name);
        assert.equal((await b.connection.response()).body, b.name);
      };
      await inTime(attempt);
    });

    test("a client that has ended its side and is not answered is given up by its copy", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      const aborted = async (): Promise<number> =>
        (JSON.parse((await b.connection.request("GET /streams HTTP/1.1").response()).body) as { aborted: number })
          .aborted;
      const before = await aborted();
      a.connection.request("GET /never HTTP/1.1", [b.cookie]);
      a.connection.socket.end();
      await a.connection.ended();
      await until(async () => (await aborted()) === before + 1, "the copy to notice");
    });

    test("a WebSocket reaches the client's copy, and its answer sets the cookie", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      for (const { cookie, name } of [a, b, a, b]) {
        const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`, {
          headers: { cookie: cookie.slice("cookie: ".length) },
        });
        const [greeting] = await once(socket, "message");
        assert.equal(String(greeting), name);
        const big = Buffer.alloc(1_000_000, "x");
        socket.send(big);
        const [echo] = await once(socket, "message");
        assert.ok(big.equals(echo as Buffer));
        socket.close();
        assert.equal((await once(socket, "close"))[0], 1005);
      }
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/ws`);
      const [{ headers }] = (await once(socket, "upgrade")) as [{ headers: Record<string, string[]> }];
      assert.match(headers["set-cookie"]![0]!, COOKIE);
      socket.terminate();
      await until(async () => {
        const { workers } = await server.status();
        return workers.every(({ threads }) => threads.every(({ webSockets }) => webSockets === 0));
      }, "all WebSockets to be counted as closed");
    });

    test("the app's own cookies are kept, in whatever way it sets them", async () => {
      const cookies = (await fetch(`${server.url}/own-cookies`)).headers.getSetCookie();
      assert.deepEqual(
        cookies.map((cookie) => cookie.split("=")[0]),
        ["a", "b", "heddle_instance"],
      );
    });

    test("a forged cookie leads to no other place than an instance", async () => {
      for (const value of ["nope", "../control", "0.0", "0.0.%00", "", "/etc/passwd", "a".repeat(4000)]) {
        const { status, headers } = await fetch(server.url, { headers: { cookie: `heddle_instance=${value}` } });
        assert.equal(status, 200);
        assert.match(headers.getSetCookie()[0]!, COOKIE, "it gets a good one");
      }
    });

    test("a reload fails no request, and its clients stay together on new copies", async () => {
      const load = { isOver: false };
      let answers = 0;
      const moved: number[] = [];
      const client = async (): Promise<void> => {
        let cookie = "";
        let copy = "";
        let moves = 0;
        while (!load.isOver) {
          const response = await fetch(server.url, { method: "POST", body: "x".repeat(5000), headers: { cookie } });
          assert.equal(response.status, 200);
          const seen = (await response.json()) as { copy: string };
          cookie = response.headers.getSetCookie()[0]?.split(";")[0] ?? cookie;
          if (copy !== "" && copy !== seen.copy) moves++;
          copy = seen.copy;
          answers++;
        }
        moved.push(moves);
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      clients.catch(() => {});
      for (let reloads = 1; reloads < 3; reloads++) {
        const answered = answers;
        assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
        await until(() => answers > answered + 50, "more answers");
      }
      load.isOver = true;
      await clients;
      assert.deepEqual(
        moved.filter((moves) => moves !== 2),
        [],
        "each moved once with each reload",
      );
    });

    test("a copy that died takes its connections with it, and its clients get another copy", async (t) => {
      const [a, b] = await twoCopies(t, server.port);
      a.connection.request("GET /begun HTTP/1.1", [b.cookie]);
      await a.connection.head();
      await using killer = await RawConnection.open(server.port);
      await killer.request("GET /die HTTP/1.1", [b.cookie]).ended();
      // Under -t 2 both are copies of the process that died.
      assert.equal((await a.connection.body({ "transfer-encoding": "chunked" })).complete, false);
      const { status, headers } = await until(async () => {
        await using connection = await RawConnection.open(server.port);
        return await connection
          .request("GET / HTTP/1.1", [b.cookie])
          .response()
          .catch(() => undefined);
      }, "an answer");
      assert.equal(status, 200);
      assert.notEqual(headers["x-copy"], b.name);
      assert.match(headers["set-cookie"]!, COOKIE);
    });
  });
}

describe("sticky clients", { concurrency: 3 }, () => {
  test("use sockets of heddle's, which are not the app's", async (t) => {
    const server = await serve(t, app, ["-w", "2", "-t", "2", "--sticky", "ip"]);
    assert.equal((await get(server.url)).status, 200);
    assert.doesNotMatch(server.output(0), /the app also listens/);
  });

  test("behind TLS get a Secure cookie, and their copy sees TLS", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const args = ["-w", "2", "-t", "2", "--sticky", "cookie", "--tls-cert", cert, "--tls-key", key];
    const server = await serve(t, app, args);
    let cookie = "";
    const copies = new Set<string>();
    for (let i = 0; i < 10; i++) {
      const socket = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      await once(socket, "secureConnect");
      socket.write(`GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${cookie}\r\n`);
      const { localPort } = socket;
      await once(socket, "close");
      const [, given] = /set-cookie: (.*)/i.exec(text) ?? [];
      if (cookie === "") assert.match(given!, /^heddle_instance=\S+; Path=\/; HttpOnly; SameSite=Lax; Secure/);
      if (cookie === "") cookie = `cookie: ${given!.split(";")[0]}\r\n`;
      const seen = JSON.parse(text.slice(text.indexOf("\r\n\r\n"))) as Record<string, unknown>;
      copies.add(String(seen["copy"]));
      assert.deepEqual([seen["encrypted"], seen["protocol"], seen["remotePort"]], [true, "TLSv1.3", localPort]);
    }
    assert.equal(copies.size, 1);
    assert.ok((await server.status()).counters.forwarded > 0);
  });

  test("are not served by new workers before the old ones know these, unless an old one is held up", async (t) => {
    const server = await serve(t, app, ["-w", "2", "-t", "1", "--sticky", "cookie", "--timeout", "0"]);
    let generation = 1;
    const pids = async (): Promise<readonly number[]> => {
      await server.waitForStatus(({ workers }) => workers.every((worker) => worker.generation === generation));
      return (await server.status()).workers.map(({ pid }) => pid);
    };
    const isServing = (): boolean => server.output(0).includes(`generation ${generation}: serving`);
    await inTime(async ({ within }) => {
      const old = await pids();
      generation++;
      old.forEach((pid) => process.kill(pid, "SIGSTOP"));
      server.signal("SIGHUP");
      await server.waitForLog(new RegExp(`generation ${generation}: ready`));
      within(PATIENCE_MS / 2);
      const early = isServing();
      await setTimeout(PATIENCE_MS / 10);
      const late = isServing();
      old.forEach((pid) => process.kill(pid, "SIGCONT"));
      await until(isServing, "the new generation to serve");
      assert.deepEqual([early, late], [false, false]);
    });
    const [pid] = (await pids()) as [number];
    process.kill(pid, "SIGSTOP");
    generation++;
    server.signal("SIGHUP");
    await until(isServing, "the new generation to serve beside a stopped worker");
    process.kill(pid, "SIGCONT");
    assert.equal((await get(server.url)).status, 200);
  });

  test("whose worker is recycled leave it, although their copy stays", async (t) => {
    const server = await serve(t, app, ["-w", "2", "-t", "1", "--sticky", "cookie"]);
    const [a, b] = await twoCopies(t, server.port);
    const url = `${server.url.replace("http", "ws")}/ws`;
    const headers = { cookie: b.cookie.slice("cookie: ".length) };
    const sockets = Array.from({ length: 8 }, () => new WebSocket(url, { headers }));
    t.after(() => {
      for (const socket of sockets) socket.terminate();
    });
    for (const [greeting] of await Promise.all(sockets.map((socket) => once(socket, "message"))))
      assert.equal(String(greeting), b.name);
    const closes = sockets.map((socket) => once(socket, "close").then(([code]) => code as number));
    const streams = await Promise.all(Array.from({ length: 8 }, () => RawConnection.open(server.port)));
    t.after(() => {
      for (const stream of streams) stream.destroy();
    });
    const ended: boolean[] = [];
    for (const stream of streams) {
      const head = await stream.request("GET /events HTTP/1.1", [b.cookie]).head();
      assert.equal(head.headers["x-copy"], b.name);
      void stream.body(head.headers).then(
        ({ complete }) => ended.push(complete),
        () => {},
      );
    }
    const { counters, workers } = await server.status();
    assert.ok(counters.forwarded > 0);
    const victim = workers.find(({ pid }) => pid === Number(a.name.split(".")[2]))!;
    process.kill(victim.pid, "SIGTERM");
    await server.waitForStatus((status) => status.workers.every(({ pid }) => pid !== victim.pid));
    // Each has left, or is still answered.
    const outcomes = sockets.map((socket, i) => {
      const answer = once(socket, "message").then(([message]) => String(message));
      answer.catch(() => {});
      if (socket.readyState === WebSocket.OPEN) socket.send("still there");
      return Promise.race([closes[i], answer]);
    });
    const heard = new Set(await Promise.all(outcomes));
    assert.ok(heard.has(1001) && heard.isSubsetOf(new Set([1001, "still there"])), [...heard].join());
    await until(() => ended.length > 0, "the event streams at the other worker to end");
    assert.ok(ended.every(Boolean), "event streams have ended as a whole");
  });

  test("may be those of some routes only", async (t) => {
    const folder = tempFolder(t, {
      "heddle.config.ts": `export default { app: ${JSON.stringify(app)}, threads: 2, routes: { "/": { sticky: "cookie" } } };`,
    });
    const server = await serve(t, app, ["--config", join(folder, "heddle.config.ts")]);
    assert.match((await fetch(server.url)).headers.getSetCookie()[0]!, COOKIE);
    assert.deepEqual((await fetch(`${server.url}/own-cookies`)).headers.getSetCookie(), ["a=1", "b=2"]);
  });

  for (const [args, expected] of [
    [
      ["--model", "threads"],
      /--sticky: got "cookie" with the model threads, where .*handler threads.*; expected --model loop/,
    ],
    [
      ["--model", "sync", "-w", "2"],
      /--sticky: got "cookie" with the model sync, where a sync worker has one connection/,
    ],
  ] as const) {
    test(`are refused under ${args[1]}`, async () => {
      const { code, stderr } = await runHeddle(["serve", app, ...args, "--sticky", "cookie", "-p", "0"]);
      assert.equal(code, 2);
      assert.match(stderr, expected);
    });
  }

  test("nobody reaches an instance without the server's token", async (t) => {
    const runtime = tempFolder(t);
    const server = await serve(t, app, ["-t", "2", "--sticky", "cookie"], { env: { XDG_RUNTIME_DIR: runtime } });
    const [folder] = readdirSync(join(runtime, "heddle")).filter((name) => name.startsWith("h-"));
    const path = join(runtime, "heddle", folder!);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    const names = readdirSync(path);
    assert.equal(names.length, 2);
    const request = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const lines = ["", `${"0".repeat(64)} {"remoteAddress":"10.0.0.1"}\n`, "\n", "x".repeat(100_000)];
    for (const line of lines) {
      const socket = connect({ path: join(path, names[0]!) });
      socket.on("error", () => {});
      let received = 0;
      socket.on("data", (chunk) => (received += chunk.length));
      socket.write(`${line}${request}`);
      if (!line.includes("\n")) socket.end();
      // `once` rejects at a reset.
      await new Promise((resolve) => socket.once("close", resolve));
      assert.equal(received, 0);
    }
    assert.equal((await server.status()).counters.started, 0);
    await server.stop();
    assert.deepEqual(
      readdirSync(join(runtime, "heddle")).filter((name) => name.startsWith("h-")),
      [],
    );
  });

  test("whose requests are forwarded are logged once", async (t) => {
    const server = await serve(t, app, ["-t", "2", "--sticky", "cookie", "--access-log"]);
    const [a, b] = await twoCopies(t, server.port);
    const from = server.mark();
    await a.connection.request("GET /slow?ms=1 HTTP/1.1", [b.cookie]).response();
    await server.waitForLog(/"url":"\/slow\?ms=1"/, from);
    await a.connection.request("GET /slow?ms=2 HTTP/1.1", [a.cookie]).response();
    await server.waitForLog(/"url":"\/slow\?ms=2"/, from);
    assert.equal(server.output(from).match(/ms=1"/g)!.length, 1, "it is logged once");
  });
});
