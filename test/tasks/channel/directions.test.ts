/** Channels of one direction: what compiles, and what does not. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, receiveFrom, type ReceiveOnly, select, type SendOnly, sendTo } from "../../../src/tasks/index.ts";

test("each channel is a ReceiveOnly and a SendOnly, and each of these allows its direction alone", async () => {
  const channel = new Channel<number>(1);
  const [inward, outward]: [SendOnly<number>, ReceiveOnly<number>] = [channel, channel];
  await inward.send(1);
  assert.deepEqual(await outward.receive(), { value: 1, ok: true });
  await select([sendTo(inward, 2)]);
  assert.equal(await select([receiveFrom(outward, (value) => value)]), 2);
  // @ts-expect-error -- a ReceiveOnly has no send
  await outward.send(3);
  // @ts-expect-error -- nor is it closed
  void outward.close;
  // @ts-expect-error -- a SendOnly has no receive
  await inward.receive();
  await inward.close();
  // @ts-expect-error -- it is not sent to
  const wrong = (): unknown => sendTo(outward, 1);
  assert.equal(typeof wrong, "function");
});

test("a receiver of a wider type and a sender of a narrower one are accepted", () => {
  const wide: ReceiveOnly<number | string> = new Channel<number>();
  const narrow: SendOnly<number> = new Channel<number | string>();
  // @ts-expect-error -- it may give a string
  const wrong: ReceiveOnly<number> = new Channel<number | string>();
  assert.equal([wide, narrow, wrong].length, 3);
});
