import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { join } from "node:path";
import { before, describe, test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { acceptWaiting, closeFd, dropNewHandshakes, loadNative, shutDown } from "../../../../src/platform/native.ts";
import { emptied, endHandshakes, endListening } from "../../../../src/server/worker/accept/backlog.ts";
import { handleOf } from "../../../../src/platform/node-internals/handles.ts";
import { hasFfi } from "../../../support/ffi.ts";
import { tempFolder } from "../../arbiter/support.ts";

/** Listens and then stands still, so that whoever connects waits in the backlog. */
const BLOCKED = `
  const { parentPort, workerData: { where, end } } = require("node:worker_threads");
  const server = require("node:net").createServer().listen(where, () => {
    parentPort.postMessage({ fd: server._handle.fd, address: server.address() });
    Atomics.wait(end, 0, 0);
  });
`;

/** Connects, and says so to a thread that stands still meanwhile. */
const DIALLING = `
  const { workerData: { port, count, done } } = require("node:worker_threads");
  let left = count;
  for (let i = 0; i < count; i++) require("node:net").connect(port, "127.0.0.1", () => {
    if (--left === 0) Atomics.store(done, 0, 1), Atomics.notify(done, 0);
  }).on("error", () => {});
`;
/** Connects all the time, until it is refused; posts how often each outcome was. */
const STORM = `
  const { parentPort, workerData: { port } } = require("node:worker_threads");
  const outcomes = {};
  let dialling = 16;
  const dial = () => {
    let text = "";
    const over = (outcome) => {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome !== "ECONNREFUSED") dial();
      else if (--dialling === 0) parentPort.postMessage(outcomes);
    };
    require("node:net").connect(port, "127.0.0.1").setEncoding("latin1")
      .on("data", (chunk) => (text += chunk)).on("end", () => over(text)).on("error", (error) => over(error.code)).write("hello");
  };
  for (let i = 0; i < 16; i++) dial();
`;
const done = new Int32Array(new SharedArrayBuffer(4));

interface Listening {
  readonly fd: number;
  readonly address: AddressInfo | string;
  readonly dial: () => Socket;
}

async function listening(t: TestContext, kind: "tcp" | "unix"): Promise<Listening> {
  const where = kind === "tcp" ? { port: 0, host: "127.0.0.1" } : { path: join(tempFolder(t), "s.sock") };
  const end = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(BLOCKED, { eval: true, workerData: { where, end } });
  t.after(async () => void (await thread.terminate()));
  const [{ fd, address }] = (await once(thread, "message")) as [{ fd: number; address: AddressInfo | string }];
  const dial = (): Socket => {
    const socket = connect(typeof address === "string" ? { path: address } : { host: "127.0.0.1", port: address.port });
    t.after(() => void socket.destroy());
    return socket;
  };
  return { fd, address, dial };
}

function outcome(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("connect", () => resolve("connected"));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
  });
}

describe("the end of a listening socket", () => {
  before(loadNative);

  if (!hasFfi) {
    test("takes nobody without node:ffi, and leaves the socket to its descriptors", async (t) => {
      const { fd, dial } = await listening(t, "tcp");
      assert.equal(await outcome(dial()), "connected");
      assert.deepEqual(endListening({ kind: "tcp", fd }, 10), []);
      assert.equal(await outcome(dial()), "connected");
    });
  }

  for (const kind of hasFfi ? (["tcp", "unix"] as const) : []) {
    test(`takes who waits, and refuses who comes later although a thread has it open (${kind})`, async (t) => {
      const { fd, dial } = await listening(t, kind);
      const early = [dial(), dial(), dial()];
      for (const socket of early) assert.equal(await outcome(socket), "connected");
      const taken = endListening({ kind, fd }, 10);
      assert.equal(taken.length, 3);
      assert.equal(await outcome(dial()), "ECONNREFUSED");
      const ended = early.map((socket) => once(socket.resume(), "end"));
      for (const connection of taken) closeFd(connection);
      await Promise.all(ended);
    });

    test(`takes no more than the backlog is to hold (${kind})`, async (t) => {
      const { fd, dial } = await listening(t, kind);
      for (let i = 0; i < 3; i++) assert.equal(await outcome(dial().on("error", () => {})), "connected");
      const taken = endListening({ kind, fd }, 2);
      assert.equal(taken.length, 2);
      for (const connection of taken) closeFd(connection);
    });
  }

  test("leaves an inherited one as it is", async (t) => {
    const server = createServer((socket) => socket.end("served"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => void server.close());
    const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.after(() => void client.destroy());
    assert.deepEqual(endListening({ kind: "fd", fd: handleOf(server as never)!.fd }, 10), []);
    const [data] = (await once(client, "data")) as [Buffer];
    assert.equal(data.toString(), "served");
  });

  const dropping = async (t: TestContext): Promise<void> => {
    const { fd, dial } = await listening(t, "tcp");
    assert.equal(await outcome(dial().on("error", () => {})), "connected");
    assert.equal(dropNewHandshakes(fd), true);
    const heard = outcome(dial());
    // One that is begun later, and made: the first would have been by now.
    const other = await listening(t, "tcp");
    assert.equal(await outcome(other.dial().on("error", () => {})), "connected");
    const taken = acceptWaiting(fd, 10);
    assert.equal(taken.length, 1);
    shutDown(fd);
    for (const connection of taken) closeFd(connection);
    assert.equal(await heard, "ECONNREFUSED");
  };
  if (hasFfi && process.platform === "linux") test("lets nobody in from when SYNs are dropped", dropping);

  const storming = async (t: TestContext): Promise<void> => {
    const { promise: refused, resolve } = Promise.withResolvers<Record<string, number>>();
    const { fd, address } = await listening(t, "tcp");
    const storm = new Worker(STORM, { eval: true, workerData: { port: (address as AddressInfo).port } });
    t.after(async () => void (await storm.terminate()));
    storm.once("message", resolve);
    await once(storm, "online");
    const answered: Socket[] = [];
    const answer = (): void => {
      for (const connection of acceptWaiting(fd, 1000)) answered.push(new Socket({ fd: connection }).end("answer"));
    };
    while (answered.length < 100) {
      answer();
      await new Promise(setImmediate);
    }
    const accepting = setInterval(answer, 1);
    await endHandshakes([{ kind: "tcp", fd }]);
    clearInterval(accepting);
    for (const connection of endListening({ kind: "tcp", fd }, 1000)) new Socket({ fd: connection }).end("answer");
    const { answer: _answered, ECONNREFUSED: _refused, ...others } = await refused;
    assert.deepEqual(others, {});
  };
  if (hasFfi && process.platform === "linux") test("resets nobody who is connecting", storming);

  test("comes when what waits was accepted, or as much as the backlog is to hold", async (t) => {
    for (const limit of [10, 2]) {
      let accepted = 0;
      const server = createServer((socket) => {
        accepted++;
        t.after(() => void socket.destroy());
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      // A thread of its own: this one must not turn while they connect.
      const dialling = new Worker(DIALLING, { eval: true, workerData: { port, count: 5, done } });
      t.after(async () => void (await dialling.terminate()));
      Atomics.wait(done, 0, 0, 20_000);
      Atomics.store(done, 0, 0);
      await emptied([server], limit);
      server.close();
      assert.ok(limit === 10 ? accepted === 5 : accepted >= limit && accepted < 5, `${accepted} of 5`);
    }
  });
});
