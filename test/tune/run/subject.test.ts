import assert from "node:assert/strict";
import { test } from "node:test";
import { HeddleError } from "../../../src/errors/errors.ts";
import { remoteSubject, type Subject, whileAlive } from "../../../src/tune/run/subject.ts";

const ENDED = new HeddleError("TUNE_NOT_SERVED", "its server ended");

function withEnd(ended: Promise<HeddleError>): Subject {
  return { ...remoteSubject("http://127.0.0.1:1"), booted: { ended } as Subject["booted"] & {} };
}

/** Work that stops when it is told to. */
const untilStopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));

test("work ends with why the server ended", async () => {
  await assert.rejects(whileAlive(withEnd(Promise.resolve(ENDED)), undefined, untilStopped), ENDED);
});

test("an interrupt that has ended the server as well is an interrupt", async () => {
  const interrupt = new AbortController();
  const { promise, resolve } = Promise.withResolvers<HeddleError>();
  const work = whileAlive(withEnd(promise), interrupt.signal, async (signal) => {
    await untilStopped(signal).catch(() => {});
    await promise;
    throw ENDED;
  });
  interrupt.abort(new Error("interrupted"));
  resolve(ENDED);
  await assert.rejects(work, /^Error: interrupted$/);
});
