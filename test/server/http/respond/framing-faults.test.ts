import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { FramingFault } from "../../../../src/server/app/response-framing.ts";
import type { Exchange } from "../../../../src/server/http/exchange.ts";
import { describeFault, type FaultLog, FramingFaults } from "../../../../src/server/http/respond/framing-faults.ts";

const long: FramingFault = { kind: "too-long", declaredBytes: 5, sentBytes: 7, encoded: false };
const short: FramingFault = { kind: "too-short", declaredBytes: 10, sentBytes: 5, encoded: true };

function exchange(route: string): Exchange {
  const connection = { closing: false };
  return { id: "1", route: { name: route }, req: { method: "GET", url: "/x?y" }, connection } as Exchange;
}

describe("responses that could not be sent as they were written", () => {
  test("are told once for each route and kind, with the first request and both numbers", () => {
    const said: FaultLog[] = [];
    const { misframed } = new FramingFaults((log) => said.push(log));
    for (const route of ["/a", "/a", "/b"]) for (const fault of [long, short]) misframed(exchange(route), fault);
    assert.deepEqual(
      said.map(({ once }) => once),
      ["too-long /a", "too-short /a", "too-long /b", "too-short /b"],
    );
    const fields = { id: "1", method: "GET", url: "/x?y", route: "/a", fault: "too-long" };
    assert.deepEqual(said[0]!.fields, { ...fields, declaredBytes: 5, sentBytes: 7, encoded: false });
  });

  test("end their connection, unless only their length was none", () => {
    const { misframed } = new FramingFaults(() => {});
    const closes = (fault: FramingFault): boolean => {
      const each = exchange("/a");
      misframed(each, fault);
      return each.connection.closing;
    };
    const faults: FramingFault[] = [long, short, { kind: "interim", status: 102 }, { kind: "bad-length", value: "x" }];
    assert.deepEqual(faults.map(closes), [true, true, true, false]);
  });

  test("are nobody's when the request was answered otherwise, or has ended", () => {
    const { misframed } = new FramingFaults(() => assert.fail("nothing is said"));
    for (const late of [{ refusal: "HANDLER_TIMEOUT" as const }, { state: "ended" as const }]) {
      const each = Object.assign(exchange("/a"), late);
      misframed(each, short);
      assert.equal(each.connection.closing, false);
    }
  });

  test("say what would be right", () => {
    assert.match(describeFault(long), /declares 5 bytes, and the app wrote 7 or more\..*Buffer\.byteLength/);
    assert.match(
      describeFault(short),
      /declares 10 bytes, and the app wrote 5\..*delete content-encoding and content-length/,
    );
    assert.match(describeFault({ kind: "bad-length", value: "x" }), /"x", which is not a number of bytes/);
    assert.match(describeFault({ kind: "interim", status: 103 }), /status 103.*writeEarlyHints/);
  });
});
