/** What the handlers wait for. It runs on I/O threads, so its module is imported there too: it holds tasks and nothing else. */

import { setTimeout as sleep } from "node:timers/promises";
import { task, type Task, taskSignal } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

const texts: Readonly<Record<string, string>> = { greeting: "hello", subject: "loom", farewell: "see you" };

/** Stands for a service that can only be asked asynchronously, and takes `ms` to answer. */
export const lookUp: Task<[key: string, ms: number], string> = task(
  import.meta.url,
  "lookUp",
  async (key: string, ms: number) => {
    const signal = taskSignal();
    signal.addEventListener("abort", () => console.log(`look-up called off: ${(signal.reason as Error).name}`));
    await sleep(ms, undefined, { signal });
    const text = texts[key];
    if (text === undefined) throw new RangeError(`there is no text "${key}"`);
    return text;
  },
);
