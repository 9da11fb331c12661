/** How long a thread keeps what others have stand-ins for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fullCollection } from "../../src/kit/full-collection.ts";
import { Channel, go, setSchedulerThreads, sleep } from "../../src/tasks/index.ts";
import { collectsGarbage, passesOn } from "../fixtures/tasks/passing-on.ts";

setSchedulerThreads(2);

/** Until it is collected here, and on the other threads. */
async function isCollected(ref: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 1000; round++) {
    await Promise.all([go(collectsGarbage), go(collectsGarbage)]);
    fullCollection();
    await sleep(1);
    if (ref.deref() === undefined) return true;
  }
  return false;
}

for (const times of [1, 100]) {
  test(`a channel that another thread has passed on ${times} times is given up when nobody has it any more`, async () => {
    const ref = await (async () => {
      const channel = new Channel<number>(times);
      assert.equal(await go(passesOn, channel, times), times);
      assert.equal(channel.length, times);
      return new WeakRef(channel);
    })();
    assert.ok(await isCollected(ref));
  });
}
