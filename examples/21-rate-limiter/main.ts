/** A rate limiter: a bucket of tokens, as a channel that a task keeps filling. */

import { Channel, Context, go, receiveFrom, select, sendTo, sleep } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

/** A channel that gives a token each `everyMs`, and saves up to `burst` of them while nobody asks. */
function tokens(context: Context, everyMs: number, burst: number): Channel<true> {
  const bucket = new Channel<true>(burst);
  for (let i = 0; i < burst; i++) void bucket.trySend(true);
  go(async () => {
    while (context.error === undefined) {
      await sleep(everyMs);
      // Waits while the bucket is full, until somebody takes a token or the limiter is stopped.
      await select([sendTo(bucket, true), receiveFrom(context.done)]);
    }
    await bucket.close();
  });
  return bucket;
}

using context = Context.background().withCancel();
const bucket = tokens(context, 20, 3);
const startMs = performance.now();
for (let request = 1; request <= 8; request++) {
  await bucket.receive();
  const atOnce = performance.now() - startMs < 15 ? "at once" : "later";
  console.log(`request ${request}: ${request <= 3 ? "from the burst" : atOnce}`);
}
console.log(performance.now() - startMs >= 95 ? "five more took five periods" : "too fast");

const gaveUp = await select([receiveFrom(Channel.nil)], { timeoutMs: 1, otherwise: () => "gave up" });
console.log(gaveUp);
