import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as check, constant, constantFrom, nat, oneof, property } from "fast-check";
import { next } from "../../../../../src/kit/wrapping.ts";
import { JobWindow } from "../../../../../src/server/models/offload/dispatch/job-window.ts";
import type { RemoteJob } from "../../../../../src/server/models/offload/dispatch/remote-job.ts";

const job = (seq: number): RemoteJob => ({ seq }) as RemoteJob;

test("a window of four holds what a map would, in the order of the numbers, wherever they wrap", () => {
  const step = oneof(constant("add" as const), nat(3));
  check(
    property(constantFrom(1, 2 ** 31 - 3, 2 ** 32 - 3), array(step, { maxLength: 60 }), (start, steps) => {
      const window = new JobWindow(4, start);
      const model = new Map<number, RemoteJob>();
      let seq = start;
      for (const each of steps) {
        const oldest = model.keys().next().value;
        assert.equal(window.isFull, oldest !== undefined && (seq - oldest) >>> 0 >= 4);
        if (each === "add") {
          if (window.isFull) continue;
          const added = job(seq);
          assert.equal(window.add(added), seq);
          model.set(seq, added);
          seq = next(seq);
        } else {
          const taken = [...model.keys()][each];
          if (taken === undefined) continue;
          window.remove(taken);
          model.delete(taken);
        }
        assert.deepEqual([...window], [...model.values()]);
        assert.equal(window.size, model.size);
        for (let near = -6; near < 6; near++) {
          const number = (seq + near) >>> 0;
          assert.equal(window.get(number), model.get(number), `number ${number}`);
        }
      }
    }),
  );
});
