/** Objects for their next use: Go's `sync.Pool`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Pool } from "../../../src/tasks/index.ts";

setFlagsFromString("--expose_gc");
const gc = runInNewContext("gc") as () => void;

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a Pool", () => {
  test("makes an object if none was put back, and gives back the last one", () => {
    let made = 0;
    const pool = new Pool(() => ({ number: ++made }));
    const [first, second] = [pool.get(), pool.get()];
    pool.put(first);
    pool.put(second);
    assert.deepEqual([pool.get(), pool.get(), pool.get().number], [second, first, 3]);
  });

  test("ignores undefined and null, and needs a function", () => {
    const pool = new Pool<number | undefined | null>(() => 7);
    pool.put(undefined);
    pool.put(null);
    assert.equal(pool.get(), 7);
    assert.throws(() => new Pool({} as never), { code: "SYNC_MISUSE" });
  });

  test("lends an object to a function, and gets it back however that ends", async () => {
    const pool = new Pool(() => ({}));
    const lent = await pool.with((object) => object);
    await assert.rejects(
      pool.with((object) => {
        assert.equal(object, lent);
        throw new RangeError("on purpose");
      }),
      RangeError,
    );
    assert.equal(pool.get(), lent);
  });

  test("drops what was not used between two garbage collections", async () => {
    const pool = new Pool(() => ({}));
    let dropped = false;
    const seen = new FinalizationRegistry(() => {
      dropped = true;
    });
    (() => {
      const object = pool.get();
      seen.register(object, undefined);
      pool.put(object);
    })();
    await until(() => dropped);
  });

  test("keeps what is used in between", async () => {
    const pool = new Pool(() => ({}));
    const kept = pool.get();
    for (let i = 0; i < 4; i++) {
      pool.put(kept);
      gc();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(pool.get(), kept);
    }
  });
});
