import assert from "node:assert/strict";
import { test } from "node:test";
import { killDecision } from "../../../../../src/server/models/offload/dispatch/kill-policy.ts";
import { LivenessProbe } from "../../../../../src/server/models/offload/dispatch/liveness-probe.ts";
import type { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";

function job(state: {
  toldMs?: number;
  heard?: boolean;
  refusal?: string;
  headersSent?: boolean;
  timeoutMs?: number;
}): RemoteJob {
  const { toldMs = 0, heard = false, refusal, headersSent = false, timeoutMs = 1000 } = state;
  return { toldMs, heard, exchange: { route: { timeoutMs }, refusal, res: { headersSent } } } as unknown as RemoteJob;
}

/** Looks every ten milliseconds, and hears nothing. */
function silent(signs: LivenessProbe, fromMs: number, toMs: number): void {
  for (let ms = fromMs; ms <= toMs; ms += 10) signs.look(ms);
}

test("a thread is asked once, when half of its job's time is over", () => {
  const signs = new LivenessProbe();
  assert.equal(killDecision(job({}), 0, signs, 500), undefined);
  assert.equal(killDecision(job({}), 0, signs, 501), "ask");
  assert.equal(killDecision(job({}), 0, signs, 510), undefined);
});

test("a route without a timeout is never judged", () => {
  assert.equal(killDecision(job({ timeoutMs: 0 }), 0, new LivenessProbe(), 1e9), undefined);
});

test("a response that has begun may take long, if only the thread says something", () => {
  const signs = new LivenessProbe();
  const streaming = job({ headersSent: true });
  assert.equal(killDecision(streaming, 0, signs, 600), "ask");
  signs.heard();
  silent(signs, 610, 1010);
  assert.equal(killDecision(streaming, 0, signs, 1010), undefined);
  assert.equal(killDecision(streaming, 0, signs, 1200), "ask");
  silent(signs, 1210, 1700);
  assert.deepEqual(killDecision(streaming, 0, signs, 1700), {
    because: "has blocked its thread's event loop for 1000 ms in the middle of its response",
  });
});

test("one that was told to stop has its last moments if it heard, and a quarter of a second if not", () => {
  const signs = new LivenessProbe();
  const told = { toldMs: 1000, refusal: "HANDLER_TIMEOUT" };
  assert.equal(killDecision(job(told), 0, signs, 1000), undefined);
  silent(signs, 1010, 1240);
  assert.equal(killDecision(job(told), 0, signs, 1240), undefined);
  silent(signs, 1250, 1260);
  assert.deepEqual(killDecision(job(told), 0, signs, 1260), { because: "did not end within its timeout (1000 ms)" });
  assert.equal(killDecision(job({ ...told, heard: true }), 0, signs, 2999), undefined);
  assert.notEqual(killDecision(job({ ...told, heard: true }), 0, signs, 3000), undefined);
});

test("what a handler does behind its response has the same time", () => {
  const signs = new LivenessProbe();
  assert.equal(killDecision(job({ toldMs: 500 }), 0, signs, 1499), undefined);
  assert.deepEqual(killDecision(job({ toldMs: 500 }), 0, signs, 1500), {
    because: "ran on after its response had ended",
  });
});
