import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { describe, test } from "node:test";
import { ConnectionContext } from "../../../src/server/http/parse/connection-context.ts";
import { LinkedList } from "../../../src/kit/linked-list.ts";
import { Exchange, setRequestIdPrefix } from "../../../src/server/http/exchange.ts";
import type { Route } from "../../../src/server/http/route/router.ts";

function exchange(headers: readonly string[] = []): Exchange {
  const req = new IncomingMessage(new Socket());
  req.rawHeaders = [...headers];
  return new Exchange(req, {} as ServerResponse, { name: "*" } as Route, new ConnectionContext({} as Socket), 0);
}

describe("a request's id", () => {
  const sane = ["abc", "7d1f:9/+=@._-", "x".repeat(128)];
  for (const id of sane) {
    test(`is the client's ${id.slice(0, 20)}`, () => {
      assert.equal(exchange(["Host", "a", "X-Request-ID", id]).id, id);
    });
  }

  const insane = ["", "a b", "a\tb", 'a"b', "a\\b", "é", "x".repeat(129), "<script>"];
  for (const id of insane) {
    test(`is not the client's ${JSON.stringify(id.slice(0, 20))}`, () => {
      setRequestIdPrefix("own-");
      assert.match(exchange(["X-Request-Id", id]).id, /^own-[0-9a-z]+$/);
    });
  }

  test("is made up once and differs from every other", () => {
    const one = exchange();
    assert.equal(one.id, one.id);
    assert.notEqual(exchange().id, one.id);
  });
});

describe("an exchange's signal", () => {
  test("aborts with the first reason, whether it was asked for before or after", () => {
    for (const before of [true, false]) {
      const one = exchange();
      if (before) assert.equal(one.signal.aborted, false);
      assert.equal(one.aborted, false);
      one.abort("TimeoutError", "too slow");
      one.abort("AbortError", "gone");
      assert.equal(one.aborted, true);
      assert.equal((one.signal.reason as Error).name, "TimeoutError");
      assert.equal((one.signal.reason as Error).message, "too slow");
    }
  });

  test("is one and the same whoever asks", () => {
    const one = exchange();
    assert.equal(one.signal, one.signal);
  });
});

describe("the list of exchanges", () => {
  test("goes from the oldest to the newest, whichever are taken out", () => {
    const list = new LinkedList<Exchange>();
    const all = Array.from({ length: 5 }, () => exchange());
    for (const one of all) list.add(one);
    for (const at of [0, 2, 4]) list.remove(all[at]!);
    assert.deepEqual([...list], [all[1], all[3]]);
    assert.equal(list.size, 2);
    list.add(all[0]!);
    assert.deepEqual([...list], [all[1], all[3], all[0]]);
    for (const one of [all[1]!, all[0]!, all[3]!]) list.remove(one);
    assert.deepEqual([...list], []);
    assert.equal(list.size, 0);
  });

  test("may lose the one that is looked at", () => {
    const list = new LinkedList<Exchange>();
    const all = Array.from({ length: 3 }, () => exchange());
    for (const one of all) list.add(one);
    let seen = 0;
    for (const one of list) {
      list.remove(one);
      seen++;
    }
    assert.deepEqual([seen, list.size], [3, 0]);
  });
});
