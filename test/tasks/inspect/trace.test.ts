/** Traces in Chrome's format. */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { Channel, go, setSchedulerThreads, sleep, traceTasks } from "../../../src/tasks/index.ts";
import { sleepsFor } from "../../fixtures/tasks/features.ts";

setSchedulerThreads(1);

interface Event {
  readonly name: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur: number;
  readonly tid: number;
  readonly id: string;
  readonly args: { readonly task?: string; readonly name?: string };
}

function newFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "heddle-trace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "trace.json");
}

function eventsIn(file: string): Event[] {
  return (JSON.parse(readFileSync(file, "utf8")) as { traceEvents: Event[] }).traceEvents;
}

function spin(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

describe("a trace", () => {
  test("tells which task ran when, and what it was parked on", async (t) => {
    const file = newFile(t);
    const trace = traceTasks(file);
    const channel = new Channel<number>();
    const handles = [
      go(async function computes() {
        spin(5);
        await sleep(20);
        spin(5);
        await channel.send(1);
      }),
      go(async function receives() {
        await channel.receive();
        await new Promise((resolve) => setImmediate(resolve));
        spin(5);
      }),
    ];
    await Promise.all(handles);
    const summary = await trace.stop();
    const events = eventsIn(file);
    const stretches = events.filter(({ ph, name }) => ph === "X" && name === "computes");
    assert.ok(stretches.length >= 2);
    assert.ok(stretches.filter(({ dur }) => dur >= 5000).length >= 2, "each stretch that computed");
    const waits = events.filter(({ ph }) => ph === "b").map(({ name, args }) => `${args.task}: ${name}`);
    assert.ok(waits.includes("computes: sleep"));
    assert.ok(waits.includes("receives: receive"));
    const slept = events.find(({ name, ph }) => name === "sleep" && ph === "b")!;
    const woken = events.find(({ name, ph, id }) => name === "sleep" && ph === "e" && id === slept.id)!;
    assert.ok(woken.ts - slept.ts >= 15_000);
    assert.deepEqual([summary.file, summary.dropped, summary.silent], [file, 0, []]);
    assert.equal(summary.events, events.length - events.filter(({ ph }) => ph === "M").length);
  });

  test("has no two tasks at the same time on one thread", async (t) => {
    const file = newFile(t);
    await using trace = traceTasks(file);
    const handles = Array.from({ length: 20 }, (_, i) =>
      go(async () => {
        for (let turn = 0; turn < 5; turn++) await sleep((i + turn) % 3);
      }),
    );
    await Promise.all(handles);
    await trace.stop();
    const stretches = eventsIn(file)
      .filter(({ ph }) => ph === "X")
      .sort((a, b) => a.ts - b.ts || a.dur - b.dur);
    assert.ok(stretches.length >= 20);
    for (const [i, { ts, dur }] of stretches.entries()) {
      const next = stretches[i + 1];
      // A stretch shorter than the clock's step has a length of 1.
      if (next !== undefined) assert.ok(ts + dur <= next.ts + 1, `${ts} + ${dur} > ${next.ts}`);
    }
  });

  test("contains tasks that are parked at the end, and all threads, also those that start meanwhile", async (t) => {
    const file = newFile(t);
    const trace = traceTasks(file);
    const never = new Channel<number>();
    go(async function waits() {
      await never.receive();
    });
    await go(sleepsFor, 5);
    await trace.stop();
    const events = eventsIn(file);
    assert.ok(events.some(({ name, ph }) => name === "receive" && ph === "e"));
    const there = events.filter(({ name, ph }) => name === "sleepsFor" && ph === "X");
    assert.ok(there.length > 0);
    assert.ok(there.every(({ tid }) => tid !== 0));
    assert.deepEqual(
      events.filter(({ ph }) => ph === "M").map(({ tid, args }) => `${args.name}`.endsWith(String(tid))),
      [true, true],
    );
    await never.send(1);
  });

  test("is bounded", async (t) => {
    const file = newFile(t);
    const trace = traceTasks(file, { maxEvents: 3 });
    await Promise.all(Array.from({ length: 10 }, () => go(() => sleep(1))));
    const { events, dropped } = await trace.stop();
    assert.ok(events <= 6);
    assert.ok(dropped > 0);
    assert.deepEqual(await trace.stop(), await trace.stop(), "once");
  });

  test("is recorded once at a time, and into a file", async (t) => {
    const trace = traceTasks(newFile(t));
    assert.throws(() => traceTasks("other.json"), { code: "TASK_INVALID", message: /already/ });
    await trace.stop();
    for (const wrong of ["", undefined, 7]) assert.throws(() => traceTasks(wrong as never), { code: "TASK_INVALID" });
    for (const wrong of [0, -1, 1.5, Number.NaN, "1"]) {
      assert.throws(() => traceTasks("x.json", { maxEvents: wrong as never }), { code: "TASK_INVALID" });
    }
    await assert.rejects(traceTasks("/no/such/folder/trace.json").stop(), { code: "ENOENT" });
    await traceTasks(newFile(t)).stop();
  });
});
