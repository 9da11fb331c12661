import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constantFrom, integer, oneof, property, tuple } from "fast-check";
import { Mailbox, nothing } from "../../../src/actors/messaging/mailbox.ts";
import { Signal } from "../../../src/actors/messaging/signal.ts";

const step = oneof(
  tuple(constantFrom("push" as const), integer({ min: 0, max: 9 })),
  tuple(constantFrom("shift" as const), integer()),
  tuple(constantFrom("take" as const), integer({ min: 0, max: 9 })),
  tuple(constantFrom("takeAll" as const), integer({ min: 0, max: 9 })),
);

test("a mailbox gives what a plain list would, whatever is taken from wherever", () => {
  check(
    property(array(step, { maxLength: 200, size: "max" }), (steps) => {
      const mailbox = new Mailbox();
      let list: number[] = [];
      for (const [what, n] of steps) {
        if (what === "push") {
          mailbox.push(n);
          list.push(n);
        } else if (what === "shift") {
          assert.equal(mailbox.shift(), list.shift() ?? nothing);
        } else if (what === "take") {
          const index = list.indexOf(n);
          assert.equal(
            mailbox.take((message: number) => message === n),
            index < 0 ? nothing : n,
          );
          if (index >= 0) list.splice(index, 1);
        } else {
          mailbox.takeAll((message) => message === n);
          list = list.filter((message) => message !== n);
        }
        assert.equal(mailbox.length, list.length);
      }
      for (const message of list) assert.equal(mailbox.shift(), message);
      assert.equal(mailbox.shift(), nothing);
    }),
  );
});

test("a search goes on where it ended, also when messages were taken from the front meanwhile", () => {
  const mailbox = new Mailbox();
  for (const n of [1, 2, 3]) mailbox.push(n);
  const end = mailbox.end();
  mailbox.shift();
  mailbox.push(4);
  const looked: number[] = [];
  mailbox.take((n: number) => {
    looked.push(n);
    return false;
  }, end);
  assert.deepEqual(looked, [4]);
});

test("a mailbox that has been very full is small again when it is empty, and works on", () => {
  const mailbox = new Mailbox();
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < 5000; n++) mailbox.push(n);
    for (let n = 0; n < 5000; n++) assert.equal(mailbox.shift(), n);
  }
  assert.equal(mailbox.length, 0);
});

test("a message in the place of one that was dropped is found by a search that goes on", () => {
  class Sign extends Signal {}
  const mailbox = new Mailbox();
  for (const message of [new Sign(), new Sign(), new Sign(), "old"]) mailbox.push(message);
  const end = mailbox.end();
  assert.equal(mailbox.takeOrdinary(), "old");
  mailbox.push("new");
  assert.equal(
    mailbox.take((message: unknown) => message === "new", end),
    "new",
  );
});

test("a long mailbox gives what a plain list would, whatever is taken from its middle or put before its front", () => {
  const mailbox = new Mailbox();
  let list: number[] = [];
  for (let n = 1; n <= 3000; n++) {
    mailbox.push(n);
    list.push(n);
    if (n % 3 === 0) assert.equal(mailbox.shift(), list.shift());
    if (n % 7 === 0) {
      const middle = list[list.length >> 1]!;
      assert.equal(
        mailbox.take((message: number) => message === middle),
        middle,
      );
      list = list.filter((message) => message !== middle);
    }
    if (n % 11 === 0) {
      mailbox.pushUrgent(-n, "first");
      list.unshift(-n);
    }
    assert.equal(mailbox.length, list.length);
  }
  for (const message of list) assert.equal(mailbox.shift(), message);
  assert.equal(mailbox.shift(), nothing);
});
