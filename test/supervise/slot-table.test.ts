import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { array, assert as check, constant, constantFrom, nat, oneof, property } from "fast-check";
import { type Seat, SlotTable } from "../../src/supervise/slot-table.ts";

const table = (order: "lowest" | "in turn", slots = 3): SlotTable => new SlotTable({ slots, order });

describe("a table of three slots", () => {
  test("gives each out once, and no fourth", () => {
    for (const order of ["lowest", "in turn"] as const) {
      const slots = table(order);
      assert.deepEqual(
        [slots.take(), slots.take(), slots.take(), slots.take()].map((seat) => seat?.slot),
        [0, 1, 2, undefined],
      );
      assert.deepEqual([slots.used, slots.size], [3, 3]);
    }
  });

  test("never gives out the slot of somebody who lives, however many come and go", () => {
    for (const order of ["lowest", "in turn"] as const) {
      const slots = table(order);
      const living = slots.take()!;
      for (let i = 0; i < 10_000; i++) {
        const seat = slots.take()!;
        assert.notEqual(seat.slot, living.slot);
        slots.free(seat);
      }
      assert.equal(slots.has(living), true);
    }
  });

  test("gives the lowest free one, in its next generation", () => {
    const slots = table("lowest");
    const [first, second] = [slots.take()!, slots.take()!];
    slots.free(second);
    slots.free(first);
    assert.deepEqual(slots.take(), { slot: 0, generation: 1 });
    assert.deepEqual(slots.take(), { slot: 1, generation: 1 });
    assert.deepEqual(slots.take(), { slot: 2, generation: 0 });
  });

  test("gives them in turn, so that a freed one comes last", () => {
    const slots = table("in turn");
    const first = slots.take()!;
    slots.take();
    slots.free(first);
    assert.deepEqual(slots.take(), { slot: 2, generation: 0 });
    assert.deepEqual(slots.take(), { slot: 0, generation: 1 });
  });

  test("knows an owner from the one that has the slot after it, also where the generations wrap", () => {
    const slots = new SlotTable({ slots: 1, order: "lowest", firstGeneration: 2 ** 32 - 1 });
    const last = slots.take()!;
    slots.free(last);
    const first = slots.take()!;
    assert.deepEqual([last.generation, first.generation], [2 ** 32 - 1, 0]);
    assert.deepEqual([slots.has(last), slots.has(first)], [false, true]);
  });

  test("refuses to free what nobody has, and what somebody else has now", () => {
    const slots = table("lowest");
    const seat = slots.take()!;
    slots.free(seat);
    assert.throws(() => slots.free(seat), RangeError);
    slots.take();
    assert.throws(() => slots.free(seat), RangeError);
    assert.throws(() => slots.free({ slot: 7, generation: 0 }), RangeError);
    assert.equal(slots.used, 1);
  });
});

test("any order of taking and freeing keeps owners apart", () => {
  const step = oneof(constant("take" as const), nat(5));
  check(
    property(constantFrom("lowest", "in turn"), array(step, { maxLength: 200 }), (order, steps) => {
      const slots = table(order, 4);
      const living: Seat[] = [];
      const seen = new Set<string>();
      for (const each of steps) {
        if (each === "take") {
          const seat = slots.take();
          assert.equal(seat === undefined, living.length === 4);
          if (seat === undefined) continue;
          assert.ok(living.every(({ slot }) => slot !== seat.slot));
          assert.ok(!seen.has(JSON.stringify(seat)), "an owner's slot and generation are its own");
          seen.add(JSON.stringify(seat));
          living.push(seat);
        } else if (each < living.length) {
          slots.free(living.splice(each, 1)[0]!);
        }
        assert.ok(living.every((seat) => slots.has(seat)));
        assert.equal(slots.used, living.length);
      }
    }),
  );
});
