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
  tasks: 600,
  actors: 600,
  mixed: 600,
};
const SEED = 1;

/**
 * Not told apart reliably on a busy machine: who closes its side later than right behind its request counts as one who has left
 * (docs/decisions/connections-that-end.md), and the reference expects an answer for both.
 */
const WAITING: readonly Feature[] = ["half-closes"];
/** For a test that has only seconds. */
const SLOW: readonly Feature[] = ["stalls"];

function featuresOf(): ReadonlySet<Feature> {
  const left = [...WAITING, ...SLOW];
  return new Set(FEATURES.filter((feature) => !left.includes(feature)));
}

describe("whatever clients send, and however they send it", () => {
  for (const model of ["loop", "sync", "threads", "thread-per-request", "tasks", "actors", "mixed"] as const) {
    for (const shape of ["listener", "fetch"] as const) {
      test(`${model} answers a ${shape} app's clients as HTTP says, and loses nothing`, async () => {
        const { told } = await run({
          model,
          shape,
          connections: connections[model],
          seed: SEED,
          tls: model === "mixed" && shape === "fetch",
          features: featuresOf(),
          reloads: model !== "thread-per-request",
        });
        assert.equal(told.join("\n\n"), "");
      });
    }
  }
});
