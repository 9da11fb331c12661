import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { pool } from "../fixtures/fuzz/parts.ts";
import { FEATURES } from "./features.ts";
import { judge, type Observed } from "./judge.ts";
import type { Subject } from "./reference.ts";
import { contentOf, pathOf, render } from "./render.ts";
import { ResponseStream } from "./response-stream.ts";
import { scriptOf, seedOf } from "./run.ts";
import type { RequestSpec, Script } from "./script.ts";

const subject: Subject = { shape: "listener", keepsConnections: true, reloads: false, dates: true, lingers: true };

const plain: RequestSpec = {
  method: "POST",
  version: "1.1",
  form: "origin",
  route: "whole",
  amount: 0,
  host: "test",
  extra: [],
  connection: undefined,
  body: { kind: "length", bytes: 5, content: "bytes" },
  expect: "no",
  fault: undefined,
  waits: false,
  emptyLines: 0,
  cuts: [],
};
const refused: RequestSpec = { ...plain, fault: "two hosts" };

function scriptWith(...requests: RequestSpec[]): Script {
  return { requests, end: { kind: "waits" }, readsAfterMs: 0 };
}

/** A right answer, but for what is said otherwise. */
function answer(index: number, spec = plain, change: { began?: number; url?: string; headers?: string } = {}): string {
  const content = contentOf(spec);
  const hash = createHash("sha1").update(content).digest("hex");
  const { began = index, url = pathOf(spec), headers = "" } = change;
  const echo = { id: `id-${index}`, method: spec.method, url, length: content.length, hash, beganNs: String(began) };
  return response("200 OK", JSON.stringify(echo), headers);
}

function response(status: string, body: string, headers = ""): string {
  return `HTTP/1.1 ${status}\r\ndate: now\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`;
}

const refusal = response("400 Bad Request", "400 Bad Request\n", "connection: close\r\n");

function faultsOf(
  script: Script,
  bytes: string,
  end: Observed["end"] = "ended",
  of: Subject = subject,
  endedLate: boolean = false,
): string[] {
  const stream = new ResponseStream((index) => script.requests[index]?.method ?? "GET");
  stream.push(Buffer.from(bytes, "latin1"));
  stream.end(end === "ended");
  return judge(
    script,
    of,
    { responses: stream.responses, end, broken: undefined, endedLate, outlastedMs: undefined },
    (index) => `id-${index}`,
  );
}

describe("the fuzz's judge", () => {
  const two = scriptWith(plain, plain);

  test("has nothing to say of right answers", () => {
    assert.deepEqual(faultsOf(two, answer(0) + answer(1)), []);
    assert.deepEqual(faultsOf(scriptWith(plain, refused, plain), answer(0) + refusal), []);
  });

  test("wants no answer to empty lines that no request follows", () => {
    const empty: RequestSpec = { ...plain, emptyLines: 2 };
    const brokenOff = (at: number): Script => ({
      ...scriptWith(plain, empty),
      end: { kind: "breaks off", at, next: "stalls" },
    });
    assert.deepEqual(faultsOf(brokenOff(0), answer(0)), []);
    assert.match(faultsOf(brokenOff(0.5), answer(0)).join("\n"), /response 2 is missing/);
  });

  test("takes the beginning of a stream whose request has broken off, and no other bytes", () => {
    const stream: RequestSpec = { ...plain, method: "GET", route: "stream", amount: 20 };
    const cut: Script = { ...scriptWith(stream), end: { kind: "breaks off", at: 0.99, next: "half-closes" } };
    const answered = (body: Buffer): string[] =>
      faultsOf(
        cut,
        `HTTP/1.1 200 OK\r\ndate: now\r\ntransfer-encoding: chunked\r\n\r\na\r\n${body.toString("latin1")}\r\n`,
        "ended",
        { ...subject, shape: "fetch" },
      );
    assert.deepEqual(answered(pool.subarray(0, 10)), []);
    assert.match(answered(pool.subarray(1, 11)).join("\n"), /the stream's 10 bytes differ/);
  });

  const wrong: [what: string, script: Script, bytes: string, fault: RegExp, end?: Observed["end"]][] = [
    ["a missing answer", two, answer(0), /response 2 is missing/],
    ["silence", two, answer(0), /silence after 1 responses/, "silent"],
    ["answers that changed places", two, answer(1) + answer(0), /answers request id-1, not id-0/],
    ["an answer too many", two, answer(0) + answer(1) + answer(1), /1 responses more/],
    ["an answer after the last", scriptWith(refused, plain), refusal + answer(1), /is the last, and 1 more/],
    ["another target", two, answer(0, plain, { url: "/smuggled" }) + answer(1), /url \/smuggled/],
    ["another body", two, answer(0, { ...plain, amount: 7 }, { url: pathOf(plain) }) + answer(1), /other bytes/],
    ["a shorter body", two, answer(0, { ...plain, body: { kind: "none" } }) + answer(1), /0 bytes of 5/],
    ["a close for no reason", two, answer(0, plain, { headers: "connection: close\r\n" }), /for no reason/],
    ["a refusal that stays open", scriptWith(refused), refusal.replace("close", "x"), /does not say that it closes/],
    ["an answer to what is refused", scriptWith(refused), answer(0), /400 was due/],
    ["a refusal of what is right", two, refusal, /200 was due/],
    ["a cut answer", scriptWith(plain), answer(0).slice(0, -1), /incomplete/],
    ["a request that begins too early", two, answer(0, plain, { began: 9 }) + answer(1), /request 2 began before/],
    ["a response without a date", two, (answer(0) + answer(1)).replace("date: now\r\n", ""), /no date/],
    ["a 100 that nobody asked for", two, `HTTP/1.1 100 Continue\r\n\r\n${answer(0)}${answer(1)}`, /1 times 100/],
  ];
  for (const [what, script, bytes, fault, end] of wrong) {
    test(`finds ${what}`, () => {
      assert.match(faultsOf(script, bytes, end).join("\n"), fault);
    });
  }

  test("a request that leaves its body unread may end the connection, and must say so", () => {
    const unread = scriptWith({ ...plain, route: "none" }, plain);
    const open = answer(0, unread.requests[0]);
    const closing = answer(0, unread.requests[0], { headers: "connection: close\r\n" });
    assert.deepEqual(faultsOf(unread, closing), []);
    assert.deepEqual(faultsOf(unread, open + answer(1)), []);
    assert.match(faultsOf(unread, open).join(), /response 2 is missing/);
  });

  test("a client that ends its side late may lose answers, and another may not", () => {
    const script: Script = { ...two, end: { kind: "half-closes" } };
    assert.match(faultsOf(script, answer(0)).join(), /response 2 is missing/);
    assert.deepEqual(faultsOf(script, answer(0), "ended", subject, true), []);
  });

  test("a client that ends its side behind a body in which the parser hides a fault may get no answer", () => {
    const offering: RequestSpec = {
      ...refused,
      fault: "huge chunk size",
      extra: ["Upgrade: websocket"],
      connection: "upgrade",
    };
    const script: Script = { ...scriptWith(offering), end: { kind: "half-closes" } };
    assert.deepEqual(faultsOf(script, ""), []);
    assert.match(faultsOf(scriptWith(offering), "").join(), /response 1 is missing/);
    assert.match(faultsOf({ ...script, requests: [{ ...offering, extra: [] }] }, "").join(), /response 1 is missing/);
  });

  test("a handler that ends the connection may take answers along, also for a request that is wrong in its body only", () => {
    const destroying: RequestSpec = { ...plain, route: "destroy" };
    assert.deepEqual(faultsOf(scriptWith(plain, destroying), ""), []);
    assert.deepEqual(faultsOf(scriptWith(plain, { ...destroying, fault: "huge chunk size" }), ""), []);
    assert.match(
      faultsOf(scriptWith(plain, { ...destroying, fault: "two hosts" }), "").join(),
      /response 1 is missing/,
    );
  });

  test("a connection that takes one request may be reset by more, and any other may not", () => {
    const once = { ...subject, keepsConnections: false };
    assert.deepEqual(faultsOf(two, "", "reset", once), []);
    assert.match(faultsOf(scriptWith(plain), "", "reset", once).join(), /response 1 is missing/);
    assert.match(faultsOf(two, "", "reset").join(), /response 1 is missing/);
  });

  test("each fault makes a request that is not valid, whatever its method", () => {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const { head } = render({ ...plain, method, body: { kind: "none" }, fault: "target *" }, "id-0");
      assert.match(head.toString("latin1"), /^(?!OPTIONS)[A-Z]+ \* HTTP\/1\.1\r\n/);
    }
  });

  test("the same seed is the same script", () => {
    const features = new Set(FEATURES);
    const seeds = Array.from({ length: 50 }, (_, index) => seedOf(1, index));
    assert.equal(new Set(seeds).size, seeds.length);
    for (const seed of seeds) assert.deepEqual(scriptOf(features, seed), scriptOf(features, seed));
  });
});
