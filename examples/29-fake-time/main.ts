/** An hour of retries, tested in a moment. */

import { Channel, Context, go, sleep, withFakeTime } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

function log(text: string): void {
  console.log(`${new Date().toISOString()} ${text}`);
}

/** What is to be tested: tries until it works, or until the context ends. */
async function retry(attempt: () => Promise<void>, context: Context): Promise<void> {
  for (let pauseMs = 1000; ; pauseMs *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (context.error !== undefined) throw error;
      await sleep(pauseMs, context);
    }
  }
}

await withFakeTime(async (time) => {
  const context = Context.background().withTimeout(3_600_000);
  const answer = new Channel<string>();
  let attempts = 0;
  const retrying = go(
    retry,
    async () => {
      log(`attempt ${++attempts}`);
      if (attempts < 5) throw new Error("not yet");
      await answer.receive(context);
    },
    context,
  );
  await sleep(15_000);
  // All that is due at this moment has happened.
  await time.settled();
  if (attempts !== 5) throw new Error(`${attempts} attempts`);
  await retrying.catch((error: unknown) => log(`gave up: ${(error as { code?: string }).code}`));
});
