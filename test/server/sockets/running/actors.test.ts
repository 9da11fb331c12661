/** Sockets and their actors: who ends whom, and what the client hears of it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  ExitError,
  exit,
  type Pid,
  processInfo,
  send,
  type SupervisorPid,
  whichChildren,
} from "../../../../src/actors/index.ts";
import { type ActorSocket, type SocketOptions, socketActor } from "../../../../src/index.ts";
import { closePayload, OPCODE } from "../../../support/frame-client.ts";
import { Journal, SocketServer } from "../support.ts";

const { close } = OPCODE;

describe("the actor of a socket", () => {
  for (const [how, code, body] of [
    ["returns", 1000, () => {}],
    ["returns a promise that is fulfilled", 1000, async () => {}],
    [
      "throws",
      1011,
      () => {
        throw new Error("on purpose");
      },
    ],
    ["rejects", 1011, async () => Promise.reject(new Error("on purpose"))],
    ["rejects with undefined", 1011, async () => Promise.reject(undefined)],
    ["exits with normal", 1000, () => Promise.reject(new ExitError("normal"))],
    ["exits with shutdown", 1001, () => Promise.reject(new ExitError("shutdown"))],
    ["exits with another reason", 1011, () => Promise.reject(new ExitError("a reason"))],
  ] as const) {
    test(`closes it with ${code} when it ${how}`, async () => {
      await using server = await SocketServer.start(socketActor(body));
      await using client = await server.connect();
      assert.deepEqual(await client.closed(), [code, ""]);
      client.send(close, closePayload(code));
      await client.raw.ended();
      client.raw.socket.end();
      await server.until(({ open }) => open === 0);
      assert.equal(server.records[0]!.socket?.code, code);
      // What it throws is logged once. What it exits with on purpose is not.
      const isCrash = /throws|rejects/.test(how);
      assert.deepEqual(
        server.failures.map(({ message }) => message),
        isCrash ? ["the WebSocket's actor failed"] : [],
      );
    });
  }

  for (const [reason, code] of [
    ["shutdown", 1001],
    ["kill", 1011],
    ["another", 1011],
  ] as const) {
    test(`closes it with ${code} when another one ends it with ${reason}`, async () => {
      let unwound = false;
      const kind = socketActor(async (self, socket) => {
        try {
          void socket.send("here");
          await self.receive();
        } finally {
          unwound = true;
        }
      });
      const pids = new Journal<Pid>();
      await using server = await SocketServer.start(
        socketActor((self, socket, request) => {
          pids.add(self.pid);
          return kind.body(self, socket, request);
        }),
      );
      await using client = await server.connect();
      assert.equal(await client.heard(), "here");
      exit(pids.all[0]!, reason);
      assert.deepEqual(await client.closed(), [code, ""]);
      assert.equal(unwound, reason !== "kill");
    });
  }

  test("is one of the thread's, under a supervisor, by the name of its function", async () => {
    const pids = new Journal<Pid>();
    const kind = socketActor(async function lobby(self) {
      pids.add(self.pid);
      await self.receive();
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    const [pid] = await pids.whenLong(1);
    const info = (await processInfo(pid!))!;
    assert.equal(info.label, "lobby");
    const parent = (await processInfo(info.parent!))!;
    assert.deepEqual([parent.label, parent.kind], ["sockets", "supervisor"]);
    assert.ok((await whichChildren(info.parent as SupervisorPid)).some((child) => child.pid === pid));
    await client.raw[Symbol.asyncDispose]();
  });

  test("receives what others send, beside what its client sends", async () => {
    const pids = new Journal<Pid<{ note: string }>>();
    const kind = socketActor<{ note: string }>(async (self, socket) => {
      pids.add(self.pid);
      for (;;) {
        const message = await self.receive();
        if (typeof message === "object" && "note" in message) void socket.send(`note: ${message.note}`);
        else void socket.send(message);
      }
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    const [pid] = await pids.whenLong(1);
    send(pid!, { note: "hello" });
    assert.equal(await client.heard(), "note: hello");
    client.text("hi");
    assert.equal(await client.heard(), "hi");
  });

  test("gets bytes that are its own", async () => {
    const journal = new Journal<Uint8Array>();
    const kind = socketActor(async (self) => {
      for (;;) journal.add((await self.receive()) as Uint8Array);
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.send(OPCODE.binary, Buffer.of(1)).send(OPCODE.binary, Buffer.of(2));
    const [first, second] = await journal.whenLong(2);
    assert.ok(first instanceof Uint8Array && !Buffer.isBuffer(first));
    assert.deepEqual([...first, ...second!], [1, 2]);
    assert.ok(first.buffer.byteLength < 100);
  });

  test("that goes on after the end of its socket is told to exit, and then killed", async () => {
    const journal = new Journal<string>();
    const pids = new Journal<Pid>();
    const kind = socketActor(
      async (self) => {
        pids.add(self.pid);
        self.trapExit = true;
        for (;;) {
          const message = (await self.receive()) as { type: string; reason: string };
          journal.add(`${message.type} ${message.reason}`);
        }
      },
      { endMs: 100 },
    );
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    client.send(close, closePayload(1000)).raw.socket.end();
    await server.until(({ open }) => open === 0);
    assert.deepEqual(journal.all, ["close "]);
    await server.pass(100);
    assert.deepEqual(await journal.whenLong(2), ["close ", "EXIT shutdown"]);
    const [pid] = pids.all;
    assert.notEqual(await processInfo(pid!), undefined);
    await server.pass(100);
    assert.equal(await processInfo(pid!), undefined);
  });

  for (const how of ["open", "closed"]) {
    test(`that only awaits its sends lets timers and I/O run, when its socket is ${how}`, async () => {
      const done = Promise.withResolvers<boolean>();
      const kind = socketActor(async (_self, socket) => {
        if (how === "closed") socket.close();
        const loop = { hasTurned: false };
        setImmediate(() => (loop.hasTurned = true));
        for (let n = 0; n < 50_000 && !loop.hasTurned; n++) await socket.send("x");
        done.resolve(loop.hasTurned);
      });
      await using server = await SocketServer.start(kind);
      await using client = await server.connect();
      assert.equal(client.answer.status, 101);
      assert.equal(await done.promise, true);
    });
  }

  test("may still send in a finally when it has exited, and does not go on when it sends for ever", async () => {
    const pids = new Journal<Pid>();
    const outcomes = new Journal<string>();
    let sent = 0;
    const kind = socketActor(async (self, socket) => {
      pids.add(self.pid);
      try {
        for (;;) await self.receive();
      } finally {
        outcomes.add(await socket.send("bye"));
        for (; sent < 100_000; sent++) await socket.send("x");
        outcomes.add("sent all");
      }
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    assert.equal(client.answer.status, 101);
    const [pid] = await pids.whenLong(1);
    exit(pid!, "shutdown");
    assert.deepEqual(await outcomes.whenLong(1), ["closed"]);
    for (let before = -1; before < sent; ) {
      before = sent;
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(outcomes.all, ["closed"]);
  });

  test("may send nothing but text and bytes, close only with a code that may be sent, and is told so", async () => {
    const wrong: unknown[] = [];
    const attempt = (call: () => unknown): void => {
      try {
        call();
      } catch (error) {
        wrong.push((error as { code?: string }).code, (error as Error).message);
      }
    };
    const kind = socketActor((_self, socket) => {
      attempt(() => socket.send({ some: "object" } as never));
      attempt(() => socket.send(5 as never));
      attempt(() => socket.close(1005));
      attempt(() => socket.close(999));
      attempt(() => socket.close(1000, "x".repeat(124)));
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    assert.deepEqual(await client.closed(), [1000, ""]);
    assert.deepEqual(wrong, [
      "SOCKET_INVALID",
      "socket.send() needs a string, an ArrayBuffer, or a view such as a Uint8Array, and got { some: 'object' }.",
      "SOCKET_INVALID",
      "socket.send() needs a string, an ArrayBuffer, or a view such as a Uint8Array, and got 5.",
      "SOCKET_INVALID",
      "socket.close() needs a code: 1000 to 1003, 1007 to 1014, or 3000 to 4999, and got 1005.",
      "SOCKET_INVALID",
      "socket.close() needs a code: 1000 to 1003, 1007 to 1014, or 3000 to 4999, and got 999.",
      "SOCKET_INVALID",
      `socket.close() needs a reason of at most 123 bytes, and got '${"x".repeat(100)}'... 24 more characters.`,
    ]);
  });

  test("may send all kinds of data, and go on using what it has sent", async () => {
    const kind = socketActor((_self, socket) => {
      const bytes = Uint8Array.of(1, 2, 3, 4);
      void socket.send(bytes);
      void socket.send(bytes.buffer);
      void socket.send(new DataView(bytes.buffer, 1, 2));
      bytes.fill(9);
      void socket.send("κόσμε \ud800");
    });
    await using server = await SocketServer.start(kind);
    await using client = await server.connect();
    for (const expected of [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [2, 3],
    ]) {
      assert.deepEqual([...(await client.frame())!.payload], expected);
    }
    assert.equal(await client.heard(), "κόσμε �");
  });
});

describe("a drain", () => {
  const slow = (journal: Journal<string>, go: Promise<void>, options: SocketOptions): ReturnType<typeof socketActor> =>
    socketActor(async (self, socket) => {
      for (;;) {
        const message = await self.receive();
        if (typeof message === "object" && "type" in message) {
          journal.add(`${message.type} ${(message as { code?: number }).code ?? ""}`);
          if ((message.type as string) === "drain") return;
        } else {
          journal.add(message as string);
          await go;
          await socket.send(`did ${message as string}`);
        }
      }
    }, options);

  for (const [why, code] of [
    ["restart", 1012],
    ["stop", 1001],
  ] as const) {
    test(`closes an idle socket with ${code} (${why}), and one that works when it has finished`, async () => {
      const journal = new Journal<string>();
      const go = Promise.withResolvers<void>();
      await using server = await SocketServer.start(slow(journal, go.promise, {}));
      await using busy = await server.connect();
      busy.text("work");
      await journal.whenLong(1);
      await using idle = await server.connect();
      // Its actor has begun when it answers.
      idle.send(OPCODE.ping, "here?");
      await idle.frame();
      server.drain(why);
      assert.deepEqual(await idle.closed(), [code, why]);
      await server.pass(1000);
      go.resolve();
      assert.equal(await busy.heard(), "did work");
      await server.pass(10);
      assert.deepEqual(await busy.closed(), [code, why]);
      busy.send(close, closePayload(code));
      assert.deepEqual(await journal.whenLong(2), ["work", `close ${code}`]);
    });
  }

  test("closes all at the last call, and cuts those that do not answer", async () => {
    const journal = new Journal<string>();
    await using server = await SocketServer.start(slow(journal, new Promise(() => {}), {}));
    await using busy = await server.connect();
    busy.text("work");
    await journal.whenLong(1);
    server.drain("restart");
    server.lastCall();
    assert.deepEqual(await busy.closed(), [1012, "restart"]);
    await server.pass(5000);
    await server.until(({ open }) => open === 0);
  });

  test("tells the actor instead, if it is to decide", async () => {
    const journal = new Journal<string>();
    await using server = await SocketServer.start(slow(journal, Promise.resolve(), { onDrain: "tell" }));
    await using client = await server.connect();
    client.text("a");
    assert.equal(await client.heard(), "did a");
    server.drain("restart");
    assert.deepEqual(await client.closed(), [1012, "restart"]);
    assert.deepEqual(journal.all, ["a", "drain "]);
  });

  test("that becomes a stop says so to those that are left", async () => {
    const journal = new Journal<string>();
    await using server = await SocketServer.start(slow(journal, new Promise(() => {}), {}));
    await using busy = await server.connect();
    busy.text("work");
    await journal.whenLong(1);
    server.drain("restart");
    server.drain("stop");
    server.lastCall();
    assert.deepEqual(await busy.closed(), [1001, "stop"]);
  });
});

describe("what a socket shows", () => {
  test("is its protocol, whether it is open, and what waits to be sent", async () => {
    const shown = new Journal<unknown>();
    const kind = socketActor(
      async (self, socket: ActorSocket, request) => {
        const { url, headers, parsedUrl, isSecure, remoteAddress } = request;
        shown.add([socket.isOpen, socket.protocol, socket.bufferedBytes]);
        shown.add([
          url,
          headers["cookie"],
          headers["x-a"],
          parsedUrl.searchParams.get("room"),
          isSecure,
          remoteAddress,
        ]);
        await self.receive();
        shown.add([socket.isOpen, await socket.send("no"), String(request.remoteAddress)]);
      },
      { protocols: ["b", "a"] },
    );
    await using server = await SocketServer.start(kind);
    const headers = ["sec-websocket-protocol: a, b , c", "cookie: x=1", "cookie: y=2", "X-A: 1", "x-a: 2"];
    await using client = await server.connect("/chat?room=lobby", headers);
    assert.equal(client.answer.headers["sec-websocket-protocol"], "b");
    client.send(close, closePayload(1000));
    const [first, second, third] = await shown.whenLong(3);
    assert.deepEqual(first, [true, "b", 0]);
    assert.deepEqual(second, ["/chat?room=lobby", "x=1; y=2", "1, 2", "lobby", false, "127.0.0.1"]);
    assert.deepEqual((third as unknown[]).slice(0, 2), [false, "closed"]);
  });
});
