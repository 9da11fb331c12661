/** Calls that another actor than the server answers. */

import assert from "node:assert/strict";
import { call, processInfo, reply, type From } from "../../../src/actors/index.ts";
import { newPuppet, next, onBothSides } from "../support.ts";

onBothSides("a call that was answered on the caller's thread is no open call of its server any more", async (on) => {
  const server = await newPuppet(on);
  const held = call<[unknown, string], unknown>(server as never, { do: "hold" });
  reply((await next(server)) as From, "from here");
  assert.equal(await held, "from here");
  assert.equal((await processInfo(server))?.openCalls, 0);
});
