import assert from "node:assert/strict";
import { test } from "node:test";
import { TicketKeys } from "../../../src/server/arbiter/ticket-keys.ts";

const HOUR_MS = 3_600_000;

test("the key of session tickets has 48 bytes, and another one comes after each period", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const told: string[] = [];
  const keys = new TicketKeys((next) => told.push(next));
  const first = keys.current;
  assert.equal(Buffer.from(first, "base64").length, 48);
  keys.rotateEvery(12 * HOUR_MS);
  t.mock.timers.tick(12 * HOUR_MS - 1);
  assert.equal(keys.current, first);
  t.mock.timers.tick(1);
  const second = keys.current;
  assert.notEqual(second, first);
  t.mock.timers.tick(12 * HOUR_MS);
  assert.deepEqual(told, [second, keys.current]);
});

test("a reload does not put off the next key, another period does, and 0 is never", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let rotations = 0;
  const keys = new TicketKeys(() => rotations++);
  keys.rotateEvery(2 * HOUR_MS);
  t.mock.timers.tick(HOUR_MS);
  keys.rotateEvery(2 * HOUR_MS);
  t.mock.timers.tick(HOUR_MS);
  assert.equal(rotations, 1);
  keys.rotateEvery(3 * HOUR_MS);
  t.mock.timers.tick(2 * HOUR_MS);
  assert.equal(rotations, 1);
  t.mock.timers.tick(HOUR_MS);
  assert.equal(rotations, 2);
  keys.rotateEvery(0);
  t.mock.timers.tick(100 * HOUR_MS);
  assert.equal(rotations, 2);
});
