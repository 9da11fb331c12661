import assert from "node:assert/strict";
import { test } from "node:test";
import { Context, task } from "../../../src/tasks/index.ts";
import { LOAD } from "../../../src/runtime/runtime.ts";
import { pack } from "../../../src/runtime/copy/message-packing.ts";
import { canceled } from "../../../src/tasks/context/canceled.ts";
import { accept, cancelHere } from "../../../src/tasks/jobs/runner.ts";
import { closeClaim, openClaim } from "../../../src/tasks/select/claim-table.ts";
import { connected } from "../../../src/tasks/task-service.ts";

const begun = Promise.withResolvers<Context>();
const waits = task(import.meta.url, "waits", async () => {
  const context = Context.current();
  begun.resolve(context);
  await context.done.receive();
});

test("a job that was taken back from a thread, and is back before that thread has noticed, can still be cancelled", async () => {
  const { board, self } = connected();
  const { value, markers } = pack([]);
  const message = [1, waits.url, waits.name, value, markers, undefined, false];
  const claim = openClaim()!;
  claim.take();
  accept(self, message, claim);
  board.add(self, LOAD.queued, 1);
  accept(self, message);
  const context = await begun.promise;
  cancelHere(self, 1, canceled("the task was cancelled", undefined));
  assert.equal(context.error?.code, "CANCELED");
  closeClaim(claim);
});
