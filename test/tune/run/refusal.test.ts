import assert from "node:assert/strict";
import { test } from "node:test";
import { type Asked, refusal } from "../../../src/tune/run/refusal.ts";

function asked(route: string, answers: number, errorsByCause: Record<string, number>): Asked {
  const errors = Object.values(errorsByCause).reduce((sum, number) => sum + number, 0);
  return { route, sample: { answers, errors, errorsByCause } };
}

function messageFor(cause: string): string {
  return refusal([asked("GET /", 0, { [cause]: 3 })], "app.ts")!.message;
}

test("routes that answer as expected are not refused, also with a few errors among them", () => {
  assert.equal(refusal([asked("GET /", 20, {}), asked("GET /b", 20, { 500: 2 })], "app.ts"), undefined);
});

test("a route that never answered is refused", () => {
  assert.match(
    refusal([asked("GET /slow", 0, {})], "app.ts")!.message,
    /^GET \/slow: no answer in time; a route that takes this long/m,
  );
});

test("every route that is refused is told, with its most frequent status and how many there were", () => {
  const error = refusal(
    [asked("GET /a", 0, { 401: 9, 500: 1 }), asked("GET /b", 5, {}), asked("GET /c", 0, { 404: 1 })],
    "app.ts",
  )!;
  assert.equal(error.code, "TUNE_REFUSED");
  assert.equal(error.exitCode, 1);
  const [first, a, c, ...more] = error.message.split("\n");
  assert.equal(first, "app.ts can't be measured with these requests:");
  assert.match(a!, /^GET \/a: status 401 on 10 of 10 requests; it needs a login: .*--scenario/);
  assert.match(c!, /^GET \/c: status 404 on 1 of 1 request; the app has no such path/);
  assert.deepEqual(more, []);
});

test("each reason comes with what to do", () => {
  assert.match(messageFor("403"), /needs a login/);
  assert.match(messageFor("405"), /not this method/);
  assert.match(messageFor("422"), /rejects the request/);
  assert.match(messageFor("429"), /rate limit/);
  assert.match(messageFor("500"), /its own log says why/);
  assert.match(messageFor("418"), /a scenario file \(--scenario\) can expect it/);
  assert.match(messageFor("refused"), /connection refused on 3 of 3 requests; nothing listens there/);
  assert.match(messageFor("unknown"), /no such host on 3 of 3 requests/);
  assert.match(messageFor("tls"), /no connection over TLS on 3 of 3 requests; .*NODE_EXTRA_CA_CERTS/);
  assert.match(messageFor("timeout"), /no answer in time/);
  assert.match(messageFor("generator"), /no connection could be opened on 3 of 3 requests; .*ulimit -n/);
  assert.match(messageFor("malformed"), /no HTTP\/1\.1 answer/);
});

test("a server that answers nothing in clear text may speak TLS", () => {
  for (const cause of ["reset", "cut", "malformed"]) {
    const route = asked("GET /", 0, { [cause]: 3 });
    assert.match(refusal([route], "http://127.0.0.1:8000")!.message, /if it speaks TLS, its address begins with https/);
    for (const target of ["https://127.0.0.1:8000", "app.ts"]) {
      assert.doesNotMatch(refusal([route], target)!.message, /begins with https/);
    }
  }
});
