/** Finds two tasks that wait for ever, and traces what happened. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Channel, findLeaks, go, sleep, traceTasks } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

/** Has a fault: nobody receives the other answers. */
async function fastest(servers: number): Promise<number> {
  const answers = new Channel<number>();
  for (let server = 0; server < servers; server++) {
    go(async function asks() {
      await sleep(1 + server * 20);
      await answers.send(server);
    });
  }
  return (await answers.receive()).value!;
}

const folder = mkdtempSync(join(tmpdir(), "heddle-trace-"));
const trace = traceTasks(join(folder, "trace.json"));

console.log(`fastest answer: ${await fastest(3)}`);
await sleep(100);

const { file } = await trace.stop();
for (const { name, where, startedAt = "" } of await findLeaks()) {
  console.log(`leaked: ${name}, waits in ${where}, started at ${startedAt.replace(/\(.*\/(main\.ts).*\)/, "($1)")}`);
}

const { traceEvents } = JSON.parse(readFileSync(file, "utf8")) as {
  traceEvents: { name: string; ph: string; args?: { task?: string } }[];
};
// "a promise" is what is not of the library, such as the time between two continuations.
const parked = traceEvents
  .filter(({ name, ph, args }) => ph === "b" && args?.task === "asks" && name !== "a promise")
  .map(({ name }) => name);
console.log(`traced: asks, parked on ${[...new Set(parked)].join(" and ")}`);
rmSync(folder, { recursive: true });
