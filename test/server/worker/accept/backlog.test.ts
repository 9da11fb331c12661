import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { before, describe, test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { acceptWaiting, closeFd, dropArrivals, loadNative, shutDown } from "../../../../src/platform/native.ts";
import { emptied, endListening } from "../../../../src/server/worker/accept/backlog.ts";
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
const done = new Int32Array(new SharedArrayBuffer(4));

interface Listening {
  readonly fd: number;
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
  return { fd, dial };
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
    dropArrivals(fd);
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
  if (hasFfi && process.platform === "linux") test("lets nobody in from when packets are dropped", dropping);

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
