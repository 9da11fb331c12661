/** What waits for an instance, with a socket that takes what the test lets it take. */

import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Outbox } from "../../../../src/server/arbiter/shared/outbox.ts";
import { decodeAnswer, encodeAnswer, KIND, NO_TTL, NOTHING, STATUS } from "../../../../src/shared/protocol.ts";

/** Takes one write, and then no other until it is drained. */
class OneWrite {
  writableLength = 0;
  writableNeedDrain = false;
  readonly written: Buffer[] = [];
  #onDrain = (): void => {};

  on(_event: "drain", listener: () => void): this {
    this.#onDrain = listener;
    return this;
  }

  write(chunk: Buffer): boolean {
    this.written.push(chunk);
    this.writableLength += chunk.length;
    this.writableNeedDrain = true;
    return false;
  }

  drain(): void {
    this.writableLength = 0;
    this.writableNeedDrain = false;
    this.#onDrain();
  }
}

interface Made {
  readonly outbox: Outbox;
  readonly socket: OneWrite;
  readonly dropped: () => number;
}

function make(maxBytes: number): Made {
  const socket = new OneWrite();
  let dropped = 0;
  const outbox = new Outbox(socket as unknown as Socket, { maxBytes, onDropped: () => dropped++ });
  return { outbox, socket, dropped: () => dropped };
}

function message(number: number, bytes: number, channel: number = 1): Buffer {
  const { message: status } = STATUS;
  return encodeAnswer(0, {
    status,
    kind: KIND.bytes,
    ttlMs: NO_TTL,
    number,
    version: channel,
    value: Buffer.alloc(bytes),
  });
}

/** What was written, as `m` or `gap`, the channel and the number. */
function told({ written }: OneWrite): string[] {
  const all: string[] = [];
  let rest = Buffer.concat(written);
  while (rest.length > 0) {
    const length = 4 + rest.readUInt32LE(0);
    const { status, version, number } = decodeAnswer(rest.subarray(0, length))!.answer;
    all.push(`${status === STATUS.gap ? "gap" : "m"} ${version}: ${number}`);
    rest = rest.subarray(length);
  }
  return all;
}

test("from the first dropped message on, all are dropped until half is sent; then each channel has one gap", () => {
  const { outbox, socket, dropped } = make(10_000);
  for (let n = 1; n <= 6; n++) {
    // One write takes the first.
    outbox.message(message(n, 3000), 1);
    outbox.flush();
  }
  assert.equal(dropped(), 3);
  assert.equal(outbox.message(message(7, 1, 2), 2), false);
  assert.equal(outbox.message(message(8, 1, 3), 3), false);
  outbox.answer(message(9, 1));
  outbox.forget(3);
  socket.drain();
  socket.drain();
  assert.equal(outbox.message(message(10, 1), 1), true);
  outbox.flush();
  socket.drain();
  assert.deepEqual(told(socket), ["m 1: 1", "m 1: 2", "m 1: 3", "m 1: 9", "gap 1: 3", "gap 2: 1", "m 1: 10"]);
  assert.equal(dropped(), 5);
});

test("a message of any size is taken if nothing waits, and none of its size behind it", () => {
  const { outbox } = make(100);
  assert.equal(outbox.message(message(1, 5000), 1), true);
  assert.equal(outbox.message(message(2, 5000), 1), false);
});

test("an answer is taken in any case", () => {
  const { outbox, socket } = make(100);
  for (let n = 1; n <= 3; n++) outbox.answer(message(n, 1000));
  outbox.flush();
  assert.deepEqual(told(socket), ["m 1: 1", "m 1: 2", "m 1: 3"]);
});

test("what was sent is not kept in memory while more waits behind it", async () => {
  setFlagsFromString("--expose_gc");
  const collect = runInNewContext("gc") as () => void;
  const { outbox, socket } = make(2 ** 30);
  const sent: WeakRef<Buffer>[] = [];
  for (let n = 0; n < 50; n++) {
    const frame = message(n, 100_000);
    sent.push(new WeakRef(frame));
    outbox.message(frame, 1);
  }
  outbox.flush();
  for (let n = 0; n < 40; n++) {
    socket.drain();
    socket.written.fill(NOTHING);
  }
  // A WeakRef keeps what it has until the end of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const kept = sent.slice(0, 40).filter((frame) => frame.deref() !== undefined);
  assert.ok(outbox.bytes > 0);
  assert.equal(kept.length, 0);
});
