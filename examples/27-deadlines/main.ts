/** A search that ends with the first answer, with its time limit, or with its client. */

import { Channel, Context, go, sleep } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

const cleanedUp: string[] = [];

/** Asks one server. */
async function ask(name: string, ms: number, answers: Channel<string>, context: Context): Promise<void> {
  const keep = context.afterFunc(() => cleanedUp.push(name));
  await sleep(ms, context);
  keep();
  await answers.send(`from the ${name}`, context);
}

async function search(replicaMs: number, parent: Context): Promise<string> {
  using context = parent.withCancel();
  const answers = new Channel<string>();
  const asking = [go(ask, "primary", 60_000, answers, context), go(ask, "replica", replicaMs, answers, context)];
  // What is called off ends with an error that nobody needs.
  for (const each of asking) each.catch(() => {});
  const { value } = await answers.receive(context);
  return value!;
}

console.log(`first answer: ${await search(1, Context.background())}`);
await sleep(1);
console.log(`cleaned up: ${cleanedUp.join(", ")}`);

const limited = Context.background().withTimeout(20, "the whole search took too long");
await search(60_000, limited).catch(() => console.log(limited.cause));

const client = new AbortController();
const request = Context.background().withSignal(client.signal);
setTimeout(() => client.abort("the client has left"), 20);
await search(60_000, request).catch(() => console.log(request.cause));
