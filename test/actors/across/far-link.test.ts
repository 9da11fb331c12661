/** The stream between two threads of different workers: order, pieces, and what may be on its way. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { FarLink, MAX_UNSENT_BYTES } from "../../../src/actors/across/far-link.ts";
import { messageToBytes } from "../../../src/actors/across/message-bytes.ts";
import { creditOf, decodeFrame, KIND, MAX_FRAME_BYTES, WINDOW_BYTES } from "../../../src/actors/across/protocol.ts";

/** Two links, and the frames on their way in each direction. */
function pair(): {
  a: FarLink;
  b: FarLink;
  toA: Buffer[];
  toB: Buffer[];
  gotByB: unknown[];
  readonly deliver: (to: "a" | "b") => boolean;
} {
  const [toA, toB, gotByB]: [Buffer[], Buffer[], unknown[]] = [[], [], []];
  const a = new FarLink({ self: 1, thread: 2, send: (frame) => toB.push(frame), received: () => {} });
  const b = new FarLink({
    self: 2,
    thread: 1,
    send: (frame) => toA.push(frame),
    received: (message) => gotByB.push(message),
  });
  const deliver = (to: "a" | "b"): boolean => {
    const bytes = (to === "a" ? toA : toB).shift();
    if (bytes === undefined) return false;
    const frame = decodeFrame(bytes)!;
    assert.equal(frame.a, to === "a" ? 1 : 2);
    assert.equal(frame.b, to === "a" ? 2 : 1);
    const link = to === "a" ? a : b;
    if (frame.kind === KIND.data) link.receive(frame.rest);
    else link.credited(creditOf(frame));
    return true;
  };
  return { a, b, toA, toB, gotByB, deliver };
}

test("messages of any sizes arrive whole and in order, whenever credit comes", () => {
  const { a, gotByB, deliver, toB } = pair();
  const sizes = [
    0,
    1,
    10,
    WINDOW_BYTES - 5,
    WINDOW_BYTES,
    3,
    3 * WINDOW_BYTES + 1,
    7,
    ...Array.from({ length: 500 }, (_, n) => n),
  ];
  const messages = sizes.map((size, index) => [index, new Uint8Array(size).fill(index)]);
  for (const message of messages) a.post(messageToBytes(message));
  a.flush();
  // Random, but the same each time.
  let seed = 7;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let idle = 0; idle < 2; ) {
    assert.ok(toB.reduce((sum, { length }) => sum + length, 0) <= WINDOW_BYTES + toB.length * MAX_FRAME_BYTES);
    idle = deliver(random() < 0.5 ? "a" : "b") || deliver("a") || deliver("b") ? 0 : idle + 1;
  }
  assert.deepEqual(gotByB, messages);
});

test("no more than a window is on its way, and what waits beyond the limit makes it full until it has left", () => {
  const { a, toB, gotByB, deliver } = pair();
  const message = messageToBytes([new Uint8Array(1_000_000)]);
  while (!a.isFull) a.post(message);
  a.flush();
  const sent = toB.reduce((sum, { length }) => sum + length, 0);
  assert.ok(sent >= WINDOW_BYTES && sent < WINDOW_BYTES + 2000);
  assert.ok(a.isFull);
  while (deliver("b") || deliver("a"));
  assert.ok(!a.isFull);
  assert.equal(gotByB.length, Math.ceil((MAX_UNSENT_BYTES + 1) / message.length));
});
