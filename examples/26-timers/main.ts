/** Batches of at most three values, and none that waits for longer than 50 ms. */

import {
  after,
  Channel,
  go,
  type ReceiveOnly,
  receiveFrom,
  select,
  type SendOnly,
  sleep,
  Ticker,
} from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

/** Five values, one each millisecond, then a pause, then another. */
async function produce(out: SendOnly<string>): Promise<void> {
  using ticker = new Ticker(1);
  for (const value of "abcde") {
    await ticker.channel.receive();
    await out.send(value);
  }
  await sleep(200);
  await out.send("f");
  await out.close();
}

async function batches(values: ReceiveOnly<string>): Promise<void> {
  let batch: string[] = [];
  // A case on undefined is never ready: there is no time limit while the batch is empty.
  let late: ReceiveOnly<number> | undefined;
  const state = { isOpen: true };
  while (state.isOpen) {
    const isFull = await select([
      receiveFrom(values, (value, ok) => {
        state.isOpen = ok;
        if (ok && batch.push(value) === 1) late = after(50);
        return !ok || batch.length === 3;
      }),
      receiveFrom(late, () => true),
    ]);
    if (!isFull || batch.length === 0) continue;
    console.log(`${state.isOpen ? "batch" : "last batch"} of ${batch.length}: ${batch.join(" ")}`);
    [batch, late] = [[], undefined];
  }
}

const values = new Channel<string>();
go(produce, values);
await batches(values);
