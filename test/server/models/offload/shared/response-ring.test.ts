import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Arbitrary,
  array,
  assert as check,
  constant,
  constantFrom,
  integer,
  oneof,
  property,
  record,
} from "fast-check";
import { next } from "../../../../../src/kit/wrapping.ts";
import {
  type JobEnd,
  ResponseRing,
  type WholeResponse,
} from "../../../../../src/server/models/offload/shared/response-ring.ts";
import type { Part } from "../../../../../src/server/models/offload/shared/offload-protocol.ts";

function response(seq: number, parts: readonly Part[], more: Partial<WholeResponse> = {}): WholeResponse {
  return {
    type: "write",
    seq,
    parts,
    encoding: "utf8",
    kind: "response",
    status: 200,
    keepsAlive: true,
    ends: true,
    ...more,
  };
}

function bytesOf({ parts, encoding }: WholeResponse): string {
  const buffers = parts.map((part) => (typeof part === "string" ? Buffer.from(part, encoding) : part));
  return Buffer.concat(buffers).toString("latin1");
}

/** The two ends of one memory. */
function ends(ringBytes?: number): { handler: ResponseRing; server: ResponseRing } {
  const memory = ResponseRing.create(ringBytes);
  return { handler: new ResponseRing(memory), server: new ResponseRing(memory) };
}

describe("answers in shared memory", () => {
  test("come out as they went in, whatever their bytes", () => {
    const { handler, server } = ends();
    const put = [
      response(7, ["HTTP/1.1 200 OK\r\n\r\n", "grün – 織機"]),
      response(8, ["HTTP/1.1 404 Not Found\r\n\r\ngr\u00fcn"], { encoding: "latin1", status: 404, keepsAlive: false }),
      response(9, ["head", new Uint8Array([0, 13, 10, 128, 255])]),
      response(2 ** 31 - 1, []),
    ];
    for (const each of put) assert.ok(handler.put(each, 0));
    for (const each of put) {
      const taken = server.take(0) as WholeResponse;
      assert.deepEqual(
        [taken.seq, taken.status, taken.keepsAlive, taken.ends, taken.kind],
        [each.seq, each.status, each.keepsAlive, true, "response"],
      );
      assert.equal(bytesOf(taken), bytesOf(each));
    }
    assert.equal(server.take(0), undefined);
  });

  test("keep the number of their job up to 2^32 - 1, and over the wrap", () => {
    const { handler, server } = ends();
    for (const seq of [2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 0]) {
      handler.put(response(seq, ["a"]), 0);
      assert.equal(server.take(0)?.seq, seq);
    }
  });

  for (const last of [2 ** 31 - 1, 2 ** 32 - 1]) {
    test(`one waits for the messages that were posted before it, also after ${last} messages`, () => {
      const { handler, server } = ends();
      handler.put(response(1, ["a"]), last);
      handler.put(response(2, ["b"]), next(last));
      assert.equal(server.take(last - 1), undefined);
      assert.equal(server.take(last)?.seq, 1);
      assert.equal(server.take(last), undefined);
      handler.putEnd(1, 2, next(last));
      assert.equal(server.take(next(last))?.seq, 2);
      assert.equal(server.take(last), undefined);
      assert.equal(server.take(next(last))?.type, "done");
    });
  }

  test("an end keeps its job's number and time, after the answers before it", () => {
    const { handler, server } = ends();
    handler.put(response(2 ** 32 - 1, ["a"]), 0);
    for (const ranMs of [0, 0.25, 1234.567, 2 ** 31]) handler.putEnd(2 ** 32 - 1, ranMs, 0);
    assert.equal(server.take(0)?.type, "write");
    const most = 0x3fffffff / 1000;
    for (const ranMs of [0, 0.25, 1234.567, most])
      assert.deepEqual(server.take(0), { type: "done", seq: 2 ** 32 - 1, ranMs });
    assert.equal(server.take(0), undefined);
  });

  test("are announced once, until that was heard", () => {
    const { handler, server } = ends();
    assert.deepEqual([handler.announce(), handler.announce()], [true, false]);
    server.heard();
    assert.deepEqual([handler.announce(), handler.announce()], [true, false]);
  });

  test("what is too large or finds no room is refused, and changes nothing", () => {
    const { handler, server } = ends();
    assert.equal(handler.put(response(1, ["x".repeat(9000)], { encoding: "latin1" }), 0), false);
    assert.equal(handler.put(response(1, ["x".repeat(3000)]), 0), false, "it may have three bytes for each character");
    assert.equal(server.take(0), undefined);
    let seq = 0;
    while (handler.put(response(seq, ["y".repeat(1000)], { encoding: "latin1" }), 0)) seq++;
    assert.ok(seq > 16, `room for ${seq} of a kilobyte`);
    for (let i = 0; i < seq; i++) assert.equal(server.take(0)?.seq, i);
    assert.equal(server.take(0), undefined);
    assert.ok(handler.put(response(99, ["z"]), 0));
  });

  test("any order of putting and taking loses nothing", () => {
    const stepsUpTo = (max: number): Arbitrary<(string | { length: number; encoding: string })[]> => {
      const put = record({ length: integer({ min: 0, max }), encoding: constantFrom("utf8", "latin1") });
      return array(oneof(put, constant("end"), constant("take")), { minLength: 50, maxLength: 300 });
    };
    const run = (ringBytes: number, most: number): void =>
      check(
        property(stepsUpTo(most), (steps) => {
          const { handler, server } = ends(ringBytes);
          const lie: (WholeResponse | JobEnd)[] = [];
          const take = (): void => {
            const taken = server.take(0);
            const expected = lie.shift();
            assert.equal(taken?.seq, expected?.seq);
            if (expected?.type === "write") assert.equal(bytesOf(taken as WholeResponse), bytesOf(expected));
            else assert.deepEqual(taken, expected);
          };
          steps.forEach((each, seq) => {
            if (each === "end") {
              if (handler.putEnd(seq, 1.5, 0)) lie.push({ type: "done", seq, ranMs: 1.5 });
              return;
            }
            if (typeof each === "string") {
              take();
              return;
            }
            const { length, encoding } = each;
            const made = response(seq, [String(seq).repeat(length).slice(0, length)], {
              encoding: encoding as BufferEncoding,
            });
            if (handler.put(made, 0)) lie.push(made);
          });
          while (lie.length > 0) take();
          take();
        }),
        { numRuns: 200 },
      );
    run(32 * 1024, 8200);
    run(128, 48);
  });
});
