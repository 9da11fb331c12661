import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCodes, errorTable, HeddleError, messageOf } from "../../src/errors/errors.ts";

test("an error takes its exit code or its status from the table", () => {
  const config = new HeddleError("CONFIG_BAD_VALUE", "wrong");
  assert.equal(config.exitCode, 2);
  assert.equal("status" in config, false);
  const refusal = new HeddleError("BODY_TOO_LARGE", "too large");
  assert.equal(refusal.status, 413);
  assert.equal("exitCode" in refusal, false);
});

test("every code ends a command, refuses a request or is a library's, and says what it means in one sentence", () => {
  for (const code of errorCodes) {
    const { exitCode, status, library, doc } = errorTable[code];
    assert.equal([exitCode, status, library].filter((way) => way !== undefined).length, 1, code);
    assert.match(doc, /^[A-Z].*\.$/, code);
  }
});

test("messageOf finds the text of whatever was thrown, and never throws itself", () => {
  const hostile = {
    get message(): string {
      throw new Error("gotcha");
    },
    [Symbol.for("nodejs.util.inspect.custom")]() {
      throw new Error("gotcha");
    },
  };
  assert.equal(messageOf(new TypeError("bad")), "bad");
  assert.equal(messageOf(new TypeError()), "TypeError");
  assert.equal(messageOf("just text"), "just text");
  assert.equal(messageOf({ message: "like an error" }), "like an error");
  assert.equal(messageOf({ code: 7 }), "{ code: 7 }");
  assert.equal(messageOf(undefined), "undefined");
  assert.equal(messageOf(hostile), "an error that cannot be shown");
});
