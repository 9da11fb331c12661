/** How deep data may be nested that is sent: the same everywhere, and the sender is told. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { call, exit, reply, schedulerThreads, send, spawn, type Pid, type Self } from "../../../src/actors/index.ts";
import { copy } from "../../../src/runtime/copy/copy.ts";
import { MAX_DEPTH } from "../../../src/runtime/copy/deep-copy.ts";
import { pack, unpack } from "../../../src/runtime/copy/message-packing.ts";
import { go } from "../../../src/tasks/index.ts";
import { newPuppet, next, tell } from "../../actors/support.ts";
import { warningOf } from "../../support/warnings.ts";
import { puppet } from "../../fixtures/actors/puppet.ts";
import { echo } from "../../fixtures/tasks/movable.ts";

type Make = (inner: unknown) => unknown;

const makes: Readonly<Record<string, Make>> = {
  objects: (inner) => ({ inner }),
  arrays: (inner) => [inner],
  maps: (inner) => new Map([["inner", inner]]),
  keys: (inner) => new Map([[inner, 1]]),
  sets: (inner) => new Set([inner]),
  "objects of a class": (inner) => new Wrapped(inner),
};

class Wrapped {
  readonly inner: unknown;
  constructor(inner: unknown) {
    this.inner = inner;
  }
}

function nested(depth: number, make: Make = makes["objects"]!): unknown {
  let value: unknown = "bottom";
  for (let i = 0; i < depth; i++) value = make(value);
  return value;
}

const tooDeep = { code: "NOT_CLONEABLE", message: /nested more than 1000 objects deep/ } as const;

for (const [name, make] of Object.entries(makes)) {
  test(`${name} may be nested ${MAX_DEPTH} deep and no deeper, for a receiver here and elsewhere`, () => {
    for (const through of [copy, pack, (value: unknown) => structuredClone(pack(value)), crossed]) {
      through(nested(MAX_DEPTH, make));
      for (const more of [1, 3000, 100_000]) assert.throws(() => through(nested(MAX_DEPTH + more, make)), tooDeep);
    }
  });
}

function crossed(value: unknown): unknown {
  const { value: posted, markers } = structuredClone(pack(value));
  return unpack(posted, markers);
}

test("an object with a tag of its own, which the engine copies, counts too", () => {
  const tagged = (depth: number): unknown => ({ [Symbol.toStringTag]: "Tagged", inner: nested(depth) });
  class Tagged {
    readonly inner: unknown;
    constructor(inner: unknown) {
      this.inner = inner;
    }
    get [Symbol.toStringTag](): string {
      return "Tagged";
    }
  }
  assert.deepEqual(copy(new Tagged({ a: 1 })), { inner: { a: 1 } });
  assert.doesNotThrow(() => copy(tagged(10)));
  for (const depth of [MAX_DEPTH + 1, 2000, 100_000]) {
    assert.throws(() => copy(new Tagged(nested(depth))), { code: "NOT_CLONEABLE" });
    assert.throws(() => pack(new Tagged(nested(depth))), { code: "NOT_CLONEABLE" });
  }
});

test("the limit is the same before the code was compiled and after, and the error has a code on a full stack too", () => {
  const deep = nested(MAX_DEPTH);
  for (let i = 0; i < 300; i++) pack(deep);
  assert.throws(() => pack(nested(MAX_DEPTH + 1)), tooDeep);
  const codes = new Set<unknown>();
  const onFullStack = (): void => {
    try {
      onFullStack();
    } catch (error) {
      codes.add((error as { code?: string }).code);
      try {
        pack(deep);
        codes.add("copied");
      } catch (refused) {
        codes.add((refused as { code?: string }).code);
        throw refused;
      }
    }
  };
  try {
    onFullStack();
  } catch {
    // The outermost frame had too little stack left.
  }
  codes.delete(undefined);
  for (const code of codes) assert.ok(code === "NOT_CLONEABLE" || code === "copied", String(code));
});

describe("to another thread, data that is too deep is refused where it is sent", () => {
  const deep = JSON.parse(`${'{"a":'.repeat(4000)}1${"}".repeat(4000)}`) as unknown;

  test("by send and by call, and what was sent beside it arrives", async () => {
    const [thread] = await schedulerThreads();
    const there = await newPuppet(thread);
    send(there, "before");
    assert.throws(() => send(there, deep), tooDeep);
    await assert.rejects(call(there as never, deep as never), tooDeep);
    send(there, "after");
    assert.deepEqual([await next(there), await next(there)], ["before", "after"]);
  });

  test("by spawn and by go", async () => {
    const [thread] = await schedulerThreads();
    await assert.rejects(spawn(puppet, [deep] as never, { on: thread! }), tooDeep);
    assert.throws(() => go(echo, deep), tooDeep);
  });

  test("by reply, in the actor that replies", async () => {
    const [thread] = await schedulerThreads();
    const there = await newPuppet(thread);
    const outcome = Promise.withResolvers<unknown>();
    const server = await spawn(async (self: Self<{ from: never }>) => {
      const { from } = await self.receive();
      try {
        reply(from, deep);
      } catch (error) {
        outcome.resolve((error as { code: string }).code);
        reply(from, "refused");
      }
    });
    const answer = await tell(there, { do: "call", pid: server, request: 1 });
    assert.equal(await outcome.promise, "NOT_CLONEABLE");
    assert.deepEqual(answer, { value: "refused" });
  });

  test("as a reason of an exit, which then says so", async () => {
    const [thread] = await schedulerThreads();
    const there: Pid = await newPuppet(thread);
    assert.throws(() => exit(there, deep as object), tooDeep);
    assert.equal(await tell(there, { do: "ping" }), "pong");
    const watcher = await newPuppet(thread);
    const ended = await spawn(async (self: Self) => {
      await self.receive();
      throw deep;
    });
    await tell(watcher, { do: "monitor", pid: ended });
    send(ended, "go");
    assert.equal(((await next(watcher)).reason as { code: string }).code, "NOT_CLONEABLE");
  });
});

test("a message that cannot be cloned after all takes nothing else with it", async () => {
  const { runtime } = await import("../../../src/runtime/runtime.ts");
  const [thread] = await schedulerThreads();
  const there = await newPuppet(thread);
  const warned = warningOf("NOT_CLONEABLE");
  send(there, "before");
  runtime().post(thread!, "actors", ["unknown", () => {}]);
  send(there, "after");
  assert.match((await warned).message, /a message of actors to thread \d+ is lost/);
  assert.deepEqual([await next(there), await next(there)], ["before", "after"]);
});
