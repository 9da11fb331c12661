/** WebSockets that are actors, in a whole server: routes, threads and workers, reloads, stops, and what else runs beside them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket as WsClient } from "ws";
import { makeCertificate, until } from "../server/arbiter/support.ts";
import { closePayload, FrameClient, OPCODE } from "../support/frame-client.ts";
import { exchangeRaw } from "../support/raw-connection.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/sockets/${name}`, import.meta.url));

const { close } = OPCODE;

describe("sockets of routes", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "heddle-sockets-"));
    server = await startServer(fixture("app.ts"), [
      "-t",
      "2",
      "--access-log",
      "--control",
      join(folder, "control.sock"),
    ]);
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test("are served beside the app's requests, and its own upgrades", async () => {
    await using client = await FrameClient.open(server.port, "/echo", ["sec-websocket-protocol: v2, v1"]);
    assert.equal(client.answer.headers["sec-websocket-protocol"], "v1");
    client.text("hello");
    assert.equal(await client.heard(), "hello");
    assert.equal(await (await fetch(`${server.url}/echo`)).text(), "plain /echo\n");
    await using own = await FrameClient.open(server.port, "/other");
    assert.equal(own.answer.status, 418);
  });

  for (const [name, connect] of [
    ["Node's own", (url: string) => new WebSocket(url, "v1")],
    ["that of ws", (url: string) => new WsClient(url, "v1") as unknown as WebSocket],
  ] as const) {
    test(`talk to a real client: ${name}`, async () => {
      const client = connect(`${server.url.replace("http", "ws")}/echo`);
      const heard: unknown[] = [];
      const closed = await new Promise<CloseEvent>((resolve) => {
        client.binaryType = "arraybuffer";
        client.addEventListener("open", () => {
          client.send("text");
          client.send(Uint8Array.of(1, 2, 3));
        });
        client.addEventListener("message", ({ data }) => {
          heard.push(data);
          if (heard.length === 2) client.close(3001, "enough");
        });
        client.addEventListener("close", resolve);
      });
      assert.equal(client.protocol, "v1");
      assert.deepEqual(heard, ["text", Uint8Array.of(1, 2, 3).buffer]);
      assert.equal(closed.code, 3001);
    });
  }

  test("crash alone, and the crash is logged once with the request", async () => {
    const mark = server.mark();
    await using other = await FrameClient.open(server.port, "/echo");
    await using client = await FrameClient.open(server.port, "/echo?who=me", ["x-request-id: my-id"]);
    client.text("crash");
    assert.deepEqual(await client.closed(), [1011, ""]);
    other.text("still here");
    assert.equal(await other.heard(), "still here");
    await server.waitForLog(/"msg":"the WebSocket's actor failed"/, mark);
    client.send(close, closePayload(1011)).raw.socket.end();
    const [line] = await server.waitForLog(/\{[^\n]*"id":"my-id"[^\n]*"msg":"websocket"\}/, mark);
    const { status, code, route, received, url } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(
      { status, code, route, received, url },
      { status: 101, code: 1011, route: "/echo", received: 1, url: "/echo?who=me" },
    );
    const output = server.output(mark);
    assert.equal(output.match(/crashed on purpose/g)?.length, 2, output);
  });

  test("share rooms, whichever thread they are on", async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => FrameClient.open(server.port, "/rooms/lobby")));
    const places = new Set(await Promise.all(clients.map((client) => client.heard())));
    assert.equal(places.size, 2, [...places].join());
    // What one thread knows of a group, the other knows a moment later.
    for (let i = 0; ; i++) {
      const said = `said ${i}`;
      assert.equal(await (await fetch(`${server.url}/say?text=${said}`)).text(), "plain /say\n");
      const [first] = clients;
      first!.text(`from the first ${i}`);
      const heard = await Promise.all(
        clients.slice(1).map(async (client) => {
          for (;;) {
            const text = await client.heard();
            if (text === `from the first ${i}`) return true;
          }
        }),
      );
      assert.ok(heard.every(Boolean));
      break;
    }
    clients[3]!.send(OPCODE.binary, Buffer.of(1, 2, 3));
    for (const client of clients) {
      let frame = await client.frame();
      while (frame!.opcode === OPCODE.text) frame = await client.frame();
      assert.deepEqual([...frame!.payload], [1, 2, 3]);
    }
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  test("are counted by heddle status while they are open", async () => {
    const control = ["--control", join(folder, "control.sock")];
    const open = async (): Promise<number> => {
      const { stdout } = await runHeddle(["status", "--json", ...control]);
      const status = JSON.parse(stdout) as { workers: { threads: { webSockets: number }[] }[] };
      return status.workers.flatMap(({ threads }) => threads).reduce((sum, { webSockets }) => sum + webSockets, 0);
    };
    // Those of the tests before have left, perhaps just now.
    await until(async () => (await open()) === 0, "no other sockets");
    const clients = await Promise.all(Array.from({ length: 3 }, () => FrameClient.open(server.port, "/echo")));
    await until(async () => (await open()) === 3, "three sockets");
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await until(async () => (await open()) === 0, "none again");
  });

  test("whose actors await what nobody settles are found by heddle leaks, once, and stay open", async () => {
    await using waiting = await FrameClient.open(server.port, "/waiting");
    assert.equal(await waiting.heard(), "waits");
    const stuck = await Promise.all([1, 2].map(() => FrameClient.open(server.port, "/stuck")));
    for (const client of stuck) assert.equal(await client.text("go").heard(), "stuck");
    const leaks = async (): Promise<readonly string[] | null> =>
      (await runHeddle(["leaks", "--json", "--control", join(folder, "control.sock")])).stdout.match(
        /"name": "[^"]*"/g,
      );
    assert.deepEqual(await leaks(), ['"name": "stuck"', '"name": "stuck"']);
    assert.deepEqual(await leaks(), null);
    for (const client of stuck) {
      client.send(OPCODE.ping, "");
      assert.equal((await client.frame())?.opcode, OPCODE.pong);
      await client[Symbol.asyncDispose]();
    }
  });

  test("that read too slowly are counted by heddle status, with the messages that they miss, and so are actors across workers", async () => {
    await using client = await FrameClient.open(server.port, "/flood");
    client.text("go");
    const control = ["--control", join(folder, "control.sock")];
    const status = await until(async () => {
      const { stdout } = await runHeddle(["status", ...control]);
      return /websockets: 1 message not sent to slow clients, 0 slow clients closed/.test(stdout) ? stdout : undefined;
    }, "the message that was not sent");
    assert.match(status, /actors: those of 1 worker reach each other, by 0 names/);
  });

  test("are closed with 1012 by a reload, when their actors have finished, and the new code takes the next ones", async () => {
    await using idle = await FrameClient.open(server.port, "/echo");
    idle.text("where");
    const before = await idle.heard();
    await using busy = await FrameClient.open(server.port, "/worker");
    busy.text("500");
    assert.equal(await busy.heard(), "working");
    const reloading = runHeddle(["reload", "--control", join(folder, "control.sock")]);
    assert.deepEqual(await idle.closed(), [1012, "restart"]);
    idle.send(close, closePayload(1012));
    assert.equal(await busy.heard(), "done");
    assert.deepEqual(await busy.closed(), [1012, "restart"]);
    busy.send(close, closePayload(1012));
    assert.equal((await reloading).code, 0);
    await using next = await FrameClient.open(server.port, "/echo");
    next.text("where");
    assert.notEqual((await next.heard()).split(" ")[0], before.split(" ")[0]);
  });

  test("have their actors finish what they do about the end, before the old code ends", async () => {
    await using idle = await FrameClient.open(server.port, "/echo");
    await using client = await FrameClient.open(server.port, "/saver");
    assert.equal(await client.heard(), "here");
    const mark = server.mark();
    const reloading = runHeddle(["reload", "--control", join(folder, "control.sock")]);
    assert.deepEqual(await client.closed(), [1012, "restart"]);
    client.send(close, closePayload(1012)).raw.socket.end();
    assert.deepEqual(await idle.closed(), [1012, "restart"]);
    idle.send(close, closePayload(1012)).raw.socket.end();
    await server.waitForLog(/saved all of it/, mark);
    assert.equal((await reloading).code, 0);
  });

  test("are closed with 1001 by a stop", async () => {
    await using client = await FrameClient.open(server.port, "/echo");
    client.text("here");
    assert.equal(await client.heard(), "here");
    const stopping = server.stop();
    assert.deepEqual(await client.closed(), [1001, "stop"]);
    client.send(close, closePayload(1001));
    assert.equal((await stopping).code, 0);
  });
});

describe("a thread of the app that has no sockets", () => {
  test("reaches a room of all workers with the first message that it publishes", async () => {
    await using server = await startServer(fixture("publisher.ts"), ["-m", "threads", "-w", "2", "-t", "1"]);
    const clients = await Promise.all(Array.from({ length: 6 }, () => FrameClient.open(server.port, "/room")));
    for (const client of clients) assert.equal(await client.heard(), "joined");
    const answer = await fetch(`${server.url}/?text=first`);
    assert.equal(await answer.text(), "published\n");
    for (const client of clients) {
      assert.equal(await client.heard(), "first 1");
      assert.deepEqual([...(await client.frame())!.payload], [0, 0]);
      assert.equal(await client.heard(), "first 3");
      await client[Symbol.asyncDispose]();
    }
  });
});

describe("a blocking thread that publishes", () => {
  test("reaches the sockets of threads that have begun since it has published first", async () => {
    await using server = await startServer(fixture("blocking.ts"), ["-w", "1", "-t", "2"]);
    await using first = await FrameClient.open(server.port, "/");
    const old = new Set([await first.heard()]);
    const ask = (path: string): Promise<string> =>
      fetch(`${server.url}${path}`, { headers: { connection: "close" } }).then((answer) => answer.text());
    assert.equal(await ask("/?text=one"), "said\n");
    assert.equal(await first.heard(), "one");
    for (let n = 0; n < 4; n++) {
      await using other = await FrameClient.open(server.port, "/");
      old.add(await other.heard());
    }
    assert.equal(await ask("/crash"), "crashes\n");
    const next = await until(async () => {
      const client = await FrameClient.open(server.port, "/");
      const frame = await client.frame();
      if (frame?.opcode === OPCODE.text && !old.has(frame.payload.toString())) return client;
      await client[Symbol.asyncDispose]();
      return undefined;
    }, "a socket of the new thread");
    assert.equal(await ask("/?text=two"), "said\n");
    assert.equal(await next.heard(), "two");
    await next[Symbol.asyncDispose]();
  });
});

/** Of a MiB each. 16 MiB may wait for another thread. */
const BURST = 24;

describe("a room that gets more at once than may wait for another thread", () => {
  for (const [whenSlow, where, args] of [
    ["drop", "another worker", ["-w", "2", "-t", "1"]],
    ["close", "another worker", ["-w", "2", "-t", "1"]],
    ["drop", "the same worker", ["-w", "1", "-t", "2"]],
  ] as const) {
    test(`tells its sockets there of what they have missed: ${whenSlow}, in ${where}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "heddle-sockets-"));
      const control = join(folder, "control.sock");
      await using server = await startServer(fixture("bursts.ts"), [...args, "--control", control]);
      const clients = new Map<string, FrameClient>();
      try {
        while (clients.size < 2) {
          const client = await FrameClient.open(server.port, "/");
          const heard = await client.heard();
          if (clients.has(heard)) await client[Symbol.asyncDispose]();
          else clients.set(heard, client);
        }
        const [near, far] = [...clients.values()] as [FrameClient, FrameClient];
        near.text(`${BURST} ${whenSlow}`);
        for (let n = 0; n < BURST; n++) assert.equal((await near.frame())!.payload.length, 2 ** 20);
        let got = 0;
        const isOver = async (): Promise<boolean> => {
          const { opcode, payload } = (await far.frame())!;
          if (opcode === OPCODE.close) assert.equal(payload.readUInt16BE(0), 1013);
          else if (payload.length === 2 ** 20) got++;
          return opcode === OPCODE.close || payload.length === 3;
        };
        // The far side tells of it with the next message that it gets.
        const asks = setInterval(() => near.text("0"), 200);
        try {
          while (!(await isOver()));
        } finally {
          clearInterval(asks);
        }
        assert.ok(got < BURST, `got ${got}`);
        const { stdout } = await runHeddle(["status", "--json", "--control", control]);
        const { droppedMessages, closedSlow } = JSON.parse(stdout).counters;
        // It may have missed the first of the short ones too.
        if (whenSlow === "drop") assert.ok(droppedMessages >= BURST - got, `${droppedMessages} of ${BURST - got}`);
        assert.equal(closedSlow, whenSlow === "drop" ? 0 : 1);
      } finally {
        for (const client of clients.values()) await client[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      }
    });
  }
});

describe("an app that only has sockets", () => {
  test("is served, also over TLS, and tells other requests to upgrade", async () => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-sockets-"));
    try {
      const { cert, key } = makeCertificate(folder, "localhost");
      await using server = await startServer(fixture("only.ts"), ["--tls-cert", cert, "--tls-key", key, "-t", "1"]);
      const client = new WsClient(`${server.url.replace("http", "ws")}/any`, { rejectUnauthorized: false });
      await new Promise((resolve) => client.once("open", resolve));
      const heard = new Promise((resolve) => client.once("message", (data: Buffer) => resolve(String(data))));
      client.send("secret");
      assert.equal(await heard, "secret");
      client.terminate();
      const asked = httpsGet(`${server.url}/`, { rejectUnauthorized: false });
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      assert.deepEqual([answer.statusCode, answer.headers.upgrade], [426, "websocket"]);
      answer.resume();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("sockets beside other models", () => {
  for (const model of ["threads", "sync", "actors"] as const) {
    test(`are served on the serving thread under ${model}`, async () => {
      await using server = await startServer(fixture("app.ts"), ["-m", model, "-w", "1"]);
      await using first = await FrameClient.open(server.port, "/echo");
      await using second = await FrameClient.open(server.port, "/echo");
      first.text("one");
      second.text("two");
      assert.equal(await first.heard(), "one");
      assert.equal(await second.heard(), "two");
      const { body } = await exchangeRaw(server.port, "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
      assert.equal(body, "plain /\n");
      first.text("three");
      assert.equal(await first.heard(), "three");
    });
  }
});
