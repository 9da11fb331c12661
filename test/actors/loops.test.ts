/** Loops of operations that need not wait let timers and I/O run. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTable,
  groups,
  processInfo,
  register,
  spawn,
  unregister,
  type Pid,
  type Self,
  type Table,
} from "../../src/actors/index.ts";
import { lets } from "../support/loops.ts";
import { newPuppet } from "./support.ts";

const other: Pid = await newPuppet("here", { name: "loops: taken" });

const operations: Readonly<Record<string, (self: Self, table: Table) => unknown>> = {
  "self.flush": (self) => self.flush(),
  "a write to a table of the same thread": (_self, table) => table.set("key", 1),
  "groups.join and leave": async () => {
    await groups.join("loops", other);
    await groups.leave("loops", other);
  },
  "register and unregister": async (self) => {
    await register("loops: free", self.pid);
    await unregister("loops: free");
  },
  "register with a name that is taken": (self) => register("loops: taken", self.pid),
  processInfo: () => processInfo(other),
  "a call to oneself": (self) => self.call(self.pid as never, 1 as never),
};

for (const [what, operation] of Object.entries(operations)) {
  test(`an actor that only awaits ${what} lets timers and I/O run`, async () => {
    const done = Promise.withResolvers<boolean>();
    await spawn(async (self: Self) => {
      const table = await createTable(self.pid, `loops: ${what}`);
      done.resolve(await lets(() => operation(self, table)));
    });
    assert.equal(await done.promise, true);
  });
}

test("code that is no actor, and only awaits groups.join, lets timers and I/O run", async () => {
  assert.equal(await lets(() => groups.join("loops: many times", other)), true);
});
