import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { WakeWord } from "../../src/kit/wake-word.ts";
import type { WakeThreadData } from "./wake-word-thread.ts";

/** The last count before the sign changes, and the last before it wraps. */
for (const start of [0, 2 ** 31 - 1, 2 ** 32 - 1]) {
  describe(`a wake word that has counted ${start}`, () => {
    const make = (): WakeWord => new WakeWord(new Int32Array(new SharedArrayBuffer(4)).fill(start), 0);

    test("tells at once of a wake-up since one looked", () => {
      const word = make();
      const seen = word.count;
      assert.notEqual(word.changed(seen), undefined);
      word.wake();
      assert.equal(word.changed(seen), undefined);
      assert.notEqual(word.changed(word.count), undefined);
    });

    test("wakes who waits without blocking", async () => {
      const word = make();
      const woken = word.changed(word.count);
      word.wake();
      assert.equal(await woken, "ok");
    });

    test("two threads that wait for each other miss no wake-up", async () => {
      const rounds = 3000;
      const shared: Omit<WakeThreadData, "self"> = {
        words: new SharedArrayBuffer(4 * 4),
        rounds,
      };
      new Int32Array(shared.words).fill(start, 0, 2);
      const url = new URL("./wake-word-thread.ts", import.meta.url);
      const workers = [0, 1].map((self) => new Worker(url, { workerData: { ...shared, self } }));
      const codes = await Promise.all(workers.map(async (worker) => (await once(worker, "exit"))[0] as number));
      assert.deepEqual(codes, [0, 0]);
      assert.deepEqual([...new Int32Array(shared.words, 8, 2)], [rounds, rounds]);
    });
  });
}
