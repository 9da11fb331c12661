import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type ClientState,
  judgeClient,
  mayBeAnswered,
  mayBeAnsweredWhileBlocked,
} from "../../../../src/server/http/admit/client-watch.ts";

const TIMEOUT_MS = 1000;

function client(): ClientState {
  return { requested: { ms: 1, looks: 10 }, stalledSinceMs: 0, takenBytes: 0, halfClosedSinceMs: 0, hasLeft: false };
}

/** What the kernel has of what was written. */
const output = (takenBytes: number, queuedBytes: number): { takenBytes: number; queuedBytes: number } => ({
  takenBytes,
  queuedBytes,
});

describe("a client that is sent something", () => {
  test("is stalled when it takes nothing for the write timeout, and not before", () => {
    const state = client();
    assert.equal(judgeClient(state, output(10, 500), TIMEOUT_MS, 100), "takes part");
    assert.equal(judgeClient(state, output(10, 500), TIMEOUT_MS, 1100), "takes part");
    assert.equal(judgeClient(state, output(10, 500), TIMEOUT_MS, 1101), "stalled");
  });

  test("has the whole time again whenever it takes a byte", () => {
    const state = client();
    for (let taken = 0; taken < 10; taken++)
      assert.equal(judgeClient(state, output(taken, 500), TIMEOUT_MS, 1 + taken * 900), "takes part");
  });

  test("is not stalled while it has taken all, however long the next part is in coming", () => {
    const state = client();
    for (const nowMs of [100, 5000, 60_000])
      assert.equal(judgeClient(state, output(10, 0), TIMEOUT_MS, nowMs), "takes part");
    assert.equal(judgeClient(state, output(10, 500), TIMEOUT_MS, 61_000), "takes part");
    assert.equal(judgeClient(state, output(10, 500), TIMEOUT_MS, 62_001), "stalled");
  });

  test("is never stalled without a write timeout", () => {
    const state = client();
    for (const nowMs of [1, 1e6, 1e9]) assert.equal(judgeClient(state, output(10, 500), 0, nowMs), "takes part");
  });
});

const unknown = (): undefined => undefined;

describe("a client that ends its side", () => {
  test("long behind its request and right behind its last byte is to be answered", () => {
    const late = { ms: 5000, looks: 99 };
    assert.equal(
      mayBeAnswered(client(), late, () => 20),
      true,
    );
    assert.equal(
      mayBeAnswered(client(), late, () => 21),
      false,
    );
  });

  test("and was found gone before is gone", () => {
    const now = { ms: 1, looks: 10 };
    assert.equal(
      mayBeAnswered({ ...client(), hasLeft: true }, now, () => 0),
      false,
    );
  });

  test("with its request is to be answered; later it has left", () => {
    assert.equal(mayBeAnswered(client(), { ms: 21, looks: 99 }, unknown), true);
    assert.equal(mayBeAnswered(client(), { ms: 22, looks: 99 }, unknown), false);
  });

  test("is to be answered if the loop had no chance to hear of it sooner, however late it is", () => {
    assert.equal(mayBeAnswered(client(), { ms: 5000, looks: 12 }, unknown), true);
    assert.equal(mayBeAnswered(client(), { ms: 5000, looks: 13 }, unknown), false);
  });

  test("while its handler blocks is to be answered for five seconds if that is found at the first two looks, else it has left", () => {
    const early = client();
    assert.equal(mayBeAnsweredWhileBlocked(early, 2, 25, unknown), true);
    assert.equal(mayBeAnsweredWhileBlocked(early, 3, 5025, unknown), true);
    assert.equal(mayBeAnsweredWhileBlocked(early, 99, 5026, unknown), false);
    assert.equal(mayBeAnsweredWhileBlocked(client(), 3, 50, unknown), false);
  });

  test("right behind its last byte while its handler blocks is to be answered, however late that is found", () => {
    const late = client();
    assert.equal(
      mayBeAnsweredWhileBlocked(late, 99, 900, () => 20),
      true,
    );
    assert.equal(
      mayBeAnsweredWhileBlocked(late, 200, 5901, () => 20),
      false,
    );
    assert.equal(
      mayBeAnsweredWhileBlocked(client(), 99, 900, () => 21),
      false,
    );
  });

  test("and gets no answer for five seconds has left", () => {
    const state = client();
    assert.ok(mayBeAnswered(state, { ms: 20, looks: 11 }, unknown));
    assert.equal(judgeClient(state, output(0, 0), TIMEOUT_MS, 5020), "takes part");
    assert.equal(judgeClient(state, output(0, 0), TIMEOUT_MS, 5021), "left");
  });

  test("has five seconds again with each part of the answer", () => {
    const state = client();
    assert.ok(mayBeAnswered(state, { ms: 20, looks: 11 }, unknown));
    for (let i = 1; i < 5; i++)
      assert.equal(judgeClient(state, output(i * 100, 0), TIMEOUT_MS, i * 4000), "takes part");
    assert.equal(judgeClient(state, output(400, 0), TIMEOUT_MS, 16_000 + 5001), "left");
  });
});
