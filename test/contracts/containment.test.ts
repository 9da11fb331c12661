/** One fault at a time in a real server, for each model: what it costs, and that nothing else is affected. */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { get, type LifeServer, serve } from "../server/arbiter/support.ts";
import { assertContained, type Contained, containment, type Fault, HANDLERS, inject } from "./containment.ts";

const app = new URL("../fixtures/containment/app.ts", import.meta.url).pathname;
/** So that running out of heap takes a second. */
const HEAP = "48";

const args: Readonly<Record<Contained, readonly string[]>> = {
  loop: ["-m", "loop", "--threads", "2"],
  "loop, 1 thread": ["-m", "loop", "--threads", "1"],
  actors: ["-m", "actors", "--threads", "2"],
  sync: ["-m", "sync"],
  threads: ["-m", "threads", "--threads", `${HANDLERS}`, "--handler-memory", `${HEAP}MiB`],
  tasks: ["-m", "tasks", "--threads", "1", "--handler-memory", `${HEAP}MiB`],
  "thread-per-request": ["-m", "thread-per-request", "--threads", `${HANDLERS}`, "--handler-memory", `${HEAP}MiB`],
};

/** On a loaded machine a thread may well stand still for 100 ms, and would get none of the neighbours. */
const UNTROUBLED = ["--blocked-threshold", "10s"];

for (const model of Object.keys(containment) as Contained[]) {
  const outcomes = containment[model];
  const suite = (
    name: string,
    faults: readonly Fault[],
    more: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): void => {
    describe(name, { concurrency: 1 }, () => {
      const cleanups: (() => void | Promise<void>)[] = [];
      let server: LifeServer;
      before(async () => {
        const t = { after: (done: () => void | Promise<void>): void => void cleanups.push(done) };
        const flags = ["-w", "2", "--debug-headers", ...UNTROUBLED, ...args[model], ...more];
        server = await serve(t, app, flags, { env });
      });
      after(async () => {
        for (const done of cleanups.toReversed()) await done();
      });
      for (const fault of faults) {
        const expected = outcomes[fault];
        test(`${fault}: ${expected.answer}, costs the ${expected.ends}, and of the others ${expected.lost}`, async () => {
          assertContained(await inject(server, model, fault, expected), expected);
          assert.equal((await get(server.url, "/ok")).body, "ok", "the server answers afterwards");
        });
      }
    });
  };
  const all = Object.keys(outcomes) as Fault[];
  if (model === "threads" || model === "thread-per-request") {
    suite(`a fault under ${model}`, all);
    continue;
  }
  if (model === "tasks") {
    suite(
      `a fault under ${model}`,
      all.filter((fault) => fault !== "loop"),
    );
    // Its thread has the longest time of all that run there.
    suite(`an endless loop under ${model}`, ["loop"], ["--timeout", "1s"]);
    continue;
  }
  suite(
    `a fault under ${model}`,
    all.filter((fault) => fault !== "heap" && (fault !== "loop" || model === "actors")),
  );
  // A handler thread has a timeout and a heap of its own; what a serving thread has is the whole server's.
  if (model !== "actors") suite(`an endless loop under ${model}`, ["loop"], ["--timeout", "1s"]);
  suite(`a full heap under ${model}`, ["heap"], [], { NODE_OPTIONS: `--max-old-space-size=${HEAP}` });
}
