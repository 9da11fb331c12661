/** A worker pool: so many files at once, the first failure stops the rest, and nothing is left running behind. */

import { blocking, Channel, Semaphore, TaskGroup } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"
import { digest } from "./tasks.ts";

const here = (name: string): string => new URL(name, import.meta.url).pathname;

async function digests(paths: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const permits = new Semaphore(2);
  const queue = new Channel<string>(paths.length);
  for (const path of paths) await queue.send(path);
  await queue.close();
  await using group = new TaskGroup();
  for (let worker = 0; worker < 4; worker++) {
    await group.go(async (context) => {
      for await (const path of queue) {
        context.throwIfCanceled();
        // Four workers, two files open at a time.
        await permits.withPermit(async () => {
          const text = await blocking(digest, path);
          found.set(path.slice(path.lastIndexOf("/") + 1), text);
        });
      }
    });
  }
  await group.wait();
  return found;
}

const found = await digests(["main.ts", "tasks.ts"].map(here));
for (const name of ["main.ts", "tasks.ts"]) console.log(`${name}: ${found.get(name)?.length} digits`);

try {
  await digests([here("tasks.ts"), here("missing.ts")]);
} catch (error) {
  console.log(`failed as a whole: ${(error as NodeJS.ErrnoException).code}`);
}
