import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { monotonicMs } from "../../src/kit/clock.ts";
import { Heartbeat } from "../../src/supervise/heartbeat.ts";
import { type Pulse, type Standing, standingSince, Watchdog } from "../../src/supervise/watchdog.ts";

test("when the watchdog itself was stopped, a thread gets that time back, and the time for which it stood before counts", () => {
  assert.equal(standingSince(5000, 25, 9000), 5000);
  assert.equal(standingSince(5000, 60_000, 65_010), 65_000, "it was stopped with the watchdog");
  assert.equal(standingSince(2000, 3000, 8000), 5000, "it had stood for three seconds before");
  assert.equal(standingSince(64_990, 60_000, 65_000), 65_000, "it has turned since");
});

interface Watching {
  readonly threads: Map<string, Pulse | undefined>;
  readonly watchdog: Watchdog<string>;
  /** What it says of each thread at its next whole look. */
  readonly look: () => Promise<Map<string, Standing | undefined>>;
}

function watch(t: TestContext, threads: Map<string, Pulse | undefined>): Watching {
  let seen = new Map<string, Standing | undefined>();
  let looked = Promise.withResolvers<Map<string, Standing | undefined>>();
  const watchdog = new Watchdog<string>({
    threads: function* () {
      yield* threads.keys();
      looked.resolve(seen);
      seen = new Map();
      looked = Promise.withResolvers();
    },
    pulse: (thread) => threads.get(thread),
    attend: (thread, standing) => seen.set(thread, standing),
  });
  t.after(() => watchdog.stop());
  // Its timer does not keep this process alive.
  const awake = setInterval(() => {}, 1000);
  t.after(() => clearInterval(awake));
  const look = async (): Promise<Map<string, Standing | undefined>> => {
    await looked.promise;
    return await looked.promise;
  };
  return { threads, watchdog, look };
}

describe("a watchdog", () => {
  test("sees since when each thread shows no sign of life, and nothing of one that does not beat", async (t) => {
    const nowMs = monotonicMs();
    const { watchdog, look } = watch(
      t,
      new Map([
        ["turns", { beatMs: nowMs, progress: 1 }],
        ["stands", { beatMs: nowMs - 5000, progress: 1 }],
        ["idle", undefined],
      ]),
    );
    watchdog.start(5);
    const seen = await look();
    assert.deepEqual([...seen.keys()], ["turns", "stands", "idle"]);
    assert.equal(seen.get("turns")!.sinceMs, nowMs);
    assert.equal(seen.get("stands")!.sinceMs, nowMs - 5000);
    assert.ok(seen.get("stands")!.stillMs >= 5000);
    assert.equal(seen.get("idle"), undefined);
    assert.ok(watchdog.stillMs("stands") >= 5000);
    assert.equal(watchdog.stillMs("idle"), 0);
  });

  test("takes progress for a sign of life, also backwards past a wrap", async (t) => {
    const beatMs = monotonicMs() - 5000;
    const { threads, watchdog, look } = watch(t, new Map([["busy", { beatMs, progress: 2 ** 32 - 1 }]]));
    watchdog.start(5);
    assert.equal((await look()).get("busy")!.sinceMs, beatMs);
    threads.set("busy", { beatMs, progress: 0 });
    const { sinceMs } = (await look()).get("busy")!;
    assert.ok(sinceMs > beatMs);
    assert.equal((await look()).get("busy")!.sinceMs, sinceMs, "and then it stands from there");
  });

  test("does not hold against a thread for how long it was idle, nor against one the past of another of its name", async (t) => {
    const oldMs = monotonicMs() - 5000;
    const { threads, watchdog, look } = watch(t, new Map([["one", { beatMs: oldMs, progress: 1 }]]));
    watchdog.start(5);
    await look();
    threads.set("one", undefined);
    await look();
    threads.set("one", { beatMs: oldMs + 1000, progress: 7 });
    assert.equal((await look()).get("one")!.sinceMs, oldMs + 1000, "a new count is no progress of the old one");
    threads.delete("one");
    await look();
    threads.set("one", { beatMs: oldMs + 2000, progress: 8 });
    assert.equal((await look()).get("one")!.sinceMs, oldMs + 2000);
  });

  test("gives threads back the time for which it was stopped itself", async (t) => {
    const beatMs = monotonicMs();
    const { watchdog, look } = watch(t, new Map([["stopped too", { beatMs, progress: 1 }]]));
    watchdog.start(5);
    await look();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    const { stillMs, sinceMs } = (await look()).get("stopped too")!;
    assert.ok(sinceMs >= beatMs + 1000, `${sinceMs - beatMs}`);
    assert.ok(stillMs <= monotonicMs() - beatMs - 1000, `${stillMs}`);
  });

  test("looks at another interval from when it is told, and no more when it is stopped", async (t) => {
    const { watchdog, look } = watch(t, new Map([["one", { beatMs: monotonicMs(), progress: 1 }]]));
    watchdog.start(100_000);
    watchdog.start(5);
    await look();
    watchdog.stop();
    let looks = 0;
    void look().then(() => looks++);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(looks, 0);
    watchdog.start(5);
    await look();
  });
});

describe("a heartbeat", () => {
  test("beats at once, tells how long ago the last beat was, and rests when there is nothing to do", async (t) => {
    const awake = setInterval(() => {}, 1000);
    t.after(() => clearInterval(awake));
    const beats: number[] = [];
    let isLoaded = true;
    let rested = Promise.withResolvers<void>();
    const heartbeat = new Heartbeat({
      everyMs: 5,
      beat: (_nowMs, sinceMs) => beats.push(sinceMs),
      goesOn: () => {
        if (beats.length >= 3) isLoaded = false;
        if (!isLoaded) rested.resolve();
        return isLoaded;
      },
    });
    heartbeat.keep();
    assert.equal(beats.length, 1);
    assert.equal(heartbeat.isKept, true);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60);
    await rested.promise;
    await new Promise(setImmediate);
    assert.equal(heartbeat.isKept, false);
    assert.ok(beats[1]! >= 60, beats.join());
    beats.length = 0;
    [isLoaded, rested] = [true, Promise.withResolvers()];
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    heartbeat.keep();
    assert.ok(beats[0]! < 1000, "the time of its rest is not counted");
    await rested.promise;
  });

  test("tells how late it comes, and shows the length of a block that comes again and again", async (t) => {
    const awake = setInterval(() => {}, 1000);
    t.after(() => clearInterval(awake));
    const late: number[] = [];
    new Heartbeat({ everyMs: 20, spread: 0.5, beat: (_nowMs, _sinceMs, lateMs) => late.push(lateMs) }).keep();
    assert.equal(late.length, 1);
    // With one interval of 20 ms each beat would come at the end of the second block of 13 ms, 6 ms late.
    const word = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 200 && Math.max(...late) < 10; i++) {
      Atomics.wait(word, 0, 0, 13);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(Math.max(...late) >= 10, late.join());
  });

  test("does not keep its thread alive", async () => {
    const source = `
      import { Heartbeat } from ${JSON.stringify(new URL("../../src/supervise/heartbeat.ts", import.meta.url).href)};
      new Heartbeat({ everyMs: 5, beat: () => {} }).keep();
    `;
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    assert.deepEqual(await once(thread, "exit"), [0]);
  });
});
