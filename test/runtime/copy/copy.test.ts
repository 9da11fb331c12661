import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, receiveMessageOnPort, type Transferable } from "node:worker_threads";
import { anything, assert as check, property } from "fast-check";
import { HeddleError } from "../../../src/errors/errors.ts";
import { copy } from "../../../src/runtime/copy/copy.ts";
import { pack, unpack, type Packed } from "../../../src/runtime/copy/message-packing.ts";
import { registerReferences } from "../../../src/runtime/copy/references.ts";

class Place {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
const places = new Map(["here", "there"].map((name) => [name, new Place(name)]));
registerReferences<Place>({
  tag: "test-place",
  prototypes: [Place.prototype],
  encode: (place) => place.name,
  decode: (name) => places.get(name as string)!,
});
const here = places.get("here")!;

/** Through a real message port, as between threads. */
function acrossThreads<T>(value: T, transfer?: readonly Transferable[]): T {
  const { port1, port2 } = new MessageChannel();
  try {
    const packed = pack(value, transfer);
    port1.postMessage(packed, [...(transfer ?? [])] as never);
    const { message } = receiveMessageOnPort(port2) as { message: Packed };
    return unpack(message.value, message.markers) as T;
  } finally {
    port1.close();
  }
}

const data = anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: false,
  withBoxedValues: false,
});

for (const [name, send] of [
  ["within a thread", copy],
  ["to another thread", acrossThreads],
] as const) {
  test(`${name}: any data arrives as structured clone would bring it`, () => {
    check(property(data, (value) => assert.deepEqual(send(value), structuredClone(value))));
  });

  test(`${name}: what the sender changes later is not seen`, () => {
    const value = { list: [{ n: 1 }], map: new Map([["k", { n: 1 }]]), bytes: new Uint8Array([1, 2]) };
    const arrived = send(value);
    value.list[0]!.n = 2;
    value.map.get("k")!.n = 2;
    value.bytes[0] = 9;
    assert.deepEqual(arrived, { list: [{ n: 1 }], map: new Map([["k", { n: 1 }]]), bytes: new Uint8Array([1, 2]) });
  });

  test(`${name}: references stay what they are, wherever they are`, () => {
    const arrived = send({ a: here, list: [here], map: new Map([[here, new Set([here])]]), deep: { er: { b: here } } });
    assert.equal(arrived.a, here);
    assert.equal(arrived.list[0], here);
    assert.ok(arrived.map.get(here)!.has(here));
    assert.equal(arrived.deep.er.b, here);
    assert.equal(send(here), here);
  });

  test(`${name}: an error keeps name, message, stack and cause`, () => {
    const error = new RangeError("too far", { cause: new HeddleError("OVERLOADED", "full") });
    const arrived = send({ error }).error;
    assert.notEqual(arrived, error);
    assert.equal(arrived.name, "RangeError");
    assert.equal(arrived.message, "too far");
    assert.equal(arrived.stack, error.stack);
    assert.equal((arrived.cause as HeddleError).code, "OVERLOADED");
  });

  test(`${name}: circular and very deep data keeps its shape`, () => {
    const circle: { self?: unknown; n: number } = { n: 1 };
    circle.self = circle;
    const arrived = send(circle);
    assert.notEqual(arrived, circle);
    assert.equal(arrived.self, arrived);
    let deep: unknown = "bottom";
    for (let i = 0; i < 500; i++) deep = { deep };
    let found: unknown = send(deep);
    for (let i = 0; i < 500; i++) found = (found as { deep: unknown }).deep;
    assert.equal(found, "bottom");
  });

  test(`${name}: a transferred buffer is moved, not copied`, () => {
    const buffer = new ArrayBuffer(8);
    new Uint8Array(buffer)[3] = 7;
    const arrived = send({ buffer, view: new Uint8Array(buffer, 2) }, [buffer]);
    assert.equal(buffer.byteLength, 0);
    assert.equal(arrived.view[1], 7);
    assert.equal(arrived.view.buffer, arrived.buffer);
  });

  test(`${name}: what cannot be cloned is refused at the sender, with the path to it`, () => {
    const refused = [
      [{ list: [{ callback: () => 1 }] }, /message\.list\[0\]\.callback is a function/],
      [{ when: Promise.resolve() }, /message\.when .* Promise/],
      [new Map([["key", Symbol("no")]]), /message\.get\(…\) is a symbol/],
      [() => 1, /function/],
    ] as const;
    for (const [value, message] of refused) assert.throws(() => send(value), { code: "NOT_CLONEABLE", message });
  });

  test(`${name}: an object of a class becomes a plain object, and a small Buffer does not bring its pool along`, () => {
    class Point {
      x: number = 1;
    }
    const { point, bytes } = send({ point: new Point(), bytes: Buffer.from("abc") });
    assert.equal(Object.getPrototypeOf(point), Object.prototype);
    assert.deepEqual(bytes, new Uint8Array([97, 98, 99]));
    assert.equal(bytes.buffer.byteLength, 3);
  });
}

test("deeply frozen data is shared within a thread, other frozen data is copied", () => {
  const frozen = Object.freeze({ list: Object.freeze([1, 2]), at: Object.freeze({ place: here }) });
  assert.equal(copy(frozen), frozen);
  assert.equal(copy({ inside: frozen }).inside, frozen);
  const outside = Object.freeze({ open: { n: 1 } });
  assert.notEqual(copy(outside), outside);
  assert.notEqual(copy(outside).open, outside.open);
  const withDate = Object.freeze({ date: new Date(0) });
  assert.notEqual(copy(withDate).date, withDate.date);
});

test("no property can be mistaken for a reference", () => {
  const sly = { tag: "test-place", data: "here", markers: [[{}, "test-place", "here"]] };
  assert.deepEqual(acrossThreads({ sly, here }), { sly, here });
});

test("an array keeps its holes, an object its __proto__ property", () => {
  const holes = [1];
  holes[2] = 3;
  assert.equal(1 in copy(holes), false);
  const own = JSON.parse('{"__proto__": {"admin": true}, "n": [{}]}') as object;
  for (const arrived of [copy(own), acrossThreads(own)]) {
    assert.ok(Object.hasOwn(arrived, "__proto__"));
    assert.equal((arrived as { admin?: boolean }).admin, undefined);
  }
});

class OwnList extends Array<number> {}
class OwnNumbers extends Float64Array {}
class OwnMap extends Map<string, unknown> {}
class OwnPoint {
  x = 1;
}

for (const [name, send] of [
  ["within a thread", copy],
  ["to another thread", acrossThreads],
] as const) {
  test(`${name}: objects of the program's classes arrive as those of the class that they extend`, () => {
    const values: readonly (readonly [value: object, prototype: object])[] = [
      [OwnList.from([1, 2]), Array.prototype],
      [new OwnNumbers([1, 2]), Float64Array.prototype],
      [new OwnMap([["a", 1]]), Map.prototype],
      [new OwnPoint(), Object.prototype],
      [Buffer.from("abc"), Uint8Array.prototype],
    ];
    for (const [value, prototype] of values) {
      for (const frozen of ArrayBuffer.isView(value) ? [value] : [value, Object.freeze(value)]) {
        for (const part of [
          frozen,
          { part: frozen },
          Object.freeze({ part: frozen }),
          [frozen],
          Object.freeze([frozen]),
        ]) {
          const arrived = send(part) as any;
          const found = part === frozen ? arrived : (arrived.part ?? arrived[0]);
          assert.equal(Object.getPrototypeOf(found), prototype);
        }
      }
    }
    assert.deepEqual(send(OwnList.from([1, 2])), [1, 2]);
    assert.deepEqual(send(new OwnNumbers([1.5, 2])), new Float64Array([1.5, 2]));
  });
}
