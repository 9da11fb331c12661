import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { before, describe, test, type TestContext } from "node:test";
import { Handovers } from "../../../../src/server/arbiter/accept/handovers.ts";
import { closeFd, duplicateFd, loadNative, markBegun } from "../../../../src/platform/native.ts";
import { descriptorOf } from "../../../../src/platform/node-internals/handles.ts";
import { hasFfi } from "../../../support/ffi.ts";
import { tempFolder } from "../support.ts";

/** Accepted connections, as the arbiter has them. */
async function accept(t: TestContext, count: number, path?: string): Promise<Socket[]> {
  const accepted: Socket[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => void accepted.push(socket));
  t.after(() => server.close());
  await once(path === undefined ? server.listen(0, "127.0.0.1") : server.listen(path), "listening");
  for (let i = 0; i < count; i++) {
    const client = path === undefined ? connect((server.address() as AddressInfo).port) : connect(path);
    t.after(() => client.destroy());
    if (accepted.length <= i) await once(server, "connection");
  }
  t.after(() => accepted.forEach((socket) => socket.destroy()));
  return accepted;
}

describe("connections on their way to a worker", () => {
  before(async () => assert.equal(await loadNative(), hasFfi));

  test("come back if they have not arrived", async (t) => {
    const [a, b, c] = (await accept(t, 3)) as [Socket, Socket, Socket];
    const handovers = new Handovers();
    assert.deepEqual([handovers.add(a), handovers.add(b, true), handovers.add(c)], [1, 2, 3]);
    const lost = handovers.lost(1, 2);
    assert.deepEqual(
      lost.map(({ socket, isCounted }) => [socket === a, isCounted]),
      [
        [true, false],
        [false, true],
      ],
    );
    assert.deepEqual(handovers.lost(1, 2), []);
    assert.deepEqual([handovers.confirm(1), handovers.size], ["some", 0]);
    assert.deepEqual(
      [a, b, c].map(({ destroyed }) => destroyed),
      [false, false, true],
    );
  });

  test("are kept until it has received them", async (t) => {
    const [a, b, c] = (await accept(t, 3)) as [Socket, Socket, Socket];
    const handovers = new Handovers();
    for (const socket of [a, b, c]) handovers.add(socket);
    assert.deepEqual([handovers.confirm(2), handovers.confirm(2), handovers.size], ["some", "none", 1]);
    assert.deepEqual(
      [a, b, c].map(({ destroyed }) => destroyed),
      [true, true, false],
    );
    assert.deepEqual(handovers.takeBack(), [c]);
    assert.equal(handovers.size, 0);
  });

  test("stay where they are when the worker counts what can't be", async (t) => {
    const [a, b] = (await accept(t, 2)) as [Socket, Socket];
    const handovers = new Handovers();
    for (const socket of [a, b]) handovers.add(socket);
    assert.deepEqual(
      [handovers.confirm(1), handovers.confirm(0), handovers.confirm(3)],
      ["some", "impossible", "impossible"],
    );
    assert.deepEqual([handovers.size, b.destroyed, handovers.confirm(2)], [1, false, "some"]);
  });

  if (!hasFfi) {
    test("come back without node:ffi, for a worker can leave no mark on them", async (t) => {
      const sockets = await accept(t, 2);
      const handovers = new Handovers();
      for (const socket of sockets) handovers.add(socket);
      assert.deepEqual(handovers.takeBack(), sockets);
    });
  }

  for (const kind of hasFfi ? (["TCP", "Unix"] as const) : []) {
    test(`do not come back when it had begun with them and could not say so: ${kind} sockets`, async (t) => {
      const path = kind === "Unix" ? join(tempFolder(t), "a.sock") : undefined;
      const [begun, unread] = (await accept(t, 2, path)) as [Socket, Socket];
      const handovers = new Handovers();
      for (const socket of [begun, unread]) handovers.add(socket);
      // The worker's descriptor, of the same connection.
      const fd = duplicateFd(descriptorOf(begun));
      markBegun(fd);
      closeFd(fd);
      assert.deepEqual(handovers.takeBack(), [unread]);
      assert.equal(begun.destroyed, true);
    });
  }
});
