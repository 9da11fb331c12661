/** What it takes to stop very many children. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { dynamicSupervisor, spawn, startChild, stop, type Self } from "../../../src/actors/index.ts";
import { Mailbox } from "../../../src/actors/messaging/mailbox.ts";

test("a dynamic supervisor that stops looks at each message of its children a few times, however many they are", async (t) => {
  const children = 2000;
  const tree = await spawn(dynamicSupervisor({ child: { start: [(self: Self) => self.receive()] } }));
  for (let n = 0; n < children; n++) await startChild(tree, []);
  let looks = 0;
  // oxlint-disable-next-line typescript/unbound-method -- called with the mailbox as `this`
  const { take } = Mailbox.prototype;
  t.mock.method(
    Mailbox.prototype,
    "take",
    function counted(this: Mailbox, matches: (message: never) => boolean, from?: number) {
      const count = (message: never): boolean => {
        looks += 1;
        return matches(message);
      };
      return take.call(this, count, from);
    },
  );
  await stop(tree);
  assert.ok(looks >= children && looks < 10 * children, `${looks} looks at the messages of ${children} children`);
});
