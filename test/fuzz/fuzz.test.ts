import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Feature, FEATURES } from "./features.ts";
import type { FuzzedModel } from "./fuzzed-server.ts";
import { run } from "./run.ts";

/** A few seconds for each; `npm run fuzz` looks further. */
const connections: Readonly<Record<FuzzedModel, number>> = {
  loop: 1000,
  sync: 400,
  threads: 600,
  "thread-per-request": 60,
};
const SEED = 1;

/** What is known to be wrong and not mended yet. */
const WAITING: readonly Feature[] = [
  "unread bodies",
  "pipelined closes",
  "pipelined writes",
  "half-closes",
  "hosts and targets",
  "connect",
  "resets",
  "dates",
];
/** For a test that has only seconds. */
const SLOW: readonly Feature[] = ["stalls"];

const features = new Set(FEATURES.filter((feature) => !WAITING.includes(feature) && !SLOW.includes(feature)));

describe("whatever clients send, and however they send it", () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request"] as const) {
    for (const shape of ["listener", "fetch"] as const) {
      test(`${model} answers a ${shape} app's clients as HTTP says, and loses nothing`, async () => {
        const { told } = await run({
          model,
          shape,
          connections: connections[model],
          seed: SEED,
          features,
          reloads: model !== "thread-per-request",
        });
        assert.equal(told.join("\n\n"), "");
      });
    }
  }
});
