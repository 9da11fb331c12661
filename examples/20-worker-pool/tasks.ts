/** What runs on the threads. A module of its own: it is imported there, and must not start the program again. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { task, type Task } from "../../src/tasks/index.ts"; // in your project: from "heddle/tasks"

/** Reads synchronously: on a blocking thread that holds nobody up. */
export const digest: Task<[path: string], string> = task(import.meta.url, "digest", (path: string) =>
  createHash("sha256").update(readFileSync(path)).digest("hex"),
);
