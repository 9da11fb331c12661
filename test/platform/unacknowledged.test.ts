import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { descriptorOf } from "../../src/platform/node-internals/handles.ts";
import { isClosed, loadNative, unacknowledgedMs } from "../../src/platform/native.ts";
import { hasFfi } from "../support/ffi.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
/** One `struct sock_filter`: keep nothing of any packet. */
const DROP_ALL = new Uint16Array([0x06, 0, 0, 0]);

/** From now on nothing reaches this socket's kernel, as if its machine had lost power. Linux. */
async function cutOff(socket: Socket): Promise<void> {
  const ffi = await import("node:ffi");
  const { functions } = ffi.dlopen(null, {
    setsockopt: { arguments: ["i32", "i32", "i32", "pointer", "u32"], return: "i32" },
  });
  const program = new ArrayBuffer(16);
  new Uint16Array(program)[0] = 1;
  new BigUint64Array(program)[1] = ffi.getRawPointer(DROP_ALL);
  const done = functions.setsockopt(descriptorOf(socket), SOL_SOCKET, SO_ATTACH_FILTER, Buffer.from(program), 16);
  assert.equal(done, 0);
}

test("what is sent to a machine that has lost power is not acknowledged, and what is sent to one that only does not read is", {
  skip: !hasFfi || process.platform !== "linux",
}, async (t) => {
  await loadNative();
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  const [socket] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  const fd = descriptorOf(socket);
  const acknowledged = async (): Promise<void> => {
    while (unacknowledgedMs(fd) !== 0) await sleep(5);
  };
  socket.write("a");
  await acknowledged();
  await cutOff(client);
  socket.write("b");
  while (unacknowledgedMs(fd)! < 100) await sleep(5);
  assert.equal(isClosed(fd), false);
});
