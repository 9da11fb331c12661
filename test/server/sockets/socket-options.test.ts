import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { socketActor } from "../../../src/index.ts";

const body = (): void => {};

describe("socketActor()", () => {
  test("refuses what is no function", () => {
    assert.throws(() => socketActor(5 as never), {
      code: "SOCKET_INVALID",
      message: "socketActor() needs a function (self, socket, request), and got 5.",
    });
  });

  for (const [options, message] of [
    [5, /^socketActor\(\) needs an object of options, and got 5\.$/],
    [{ orgins: "any" }, /^socketActor\(\) needs options that exist \(name, origins, .*\), and got "orgins"\.$/],
    [
      { origins: ["example.org"] },
      /origins needs "same", "any" or a list of origins such as "https:\/\/example.org", and got \[ 'example.org' \]/,
    ],
    [{ origins: ["https://example.org/"] }, /origins needs/],
    [{ protocols: ["a b"] }, /protocols needs a list of names without spaces, each once/],
    [{ protocols: ["a", "a"] }, /protocols needs/],
    [{ messageBytes: 0 }, /messageBytes needs a whole number, 1 or more, and got 0/],
    [{ pingMs: -1 }, /pingMs needs a whole number, 0 or more, and got -1/],
    [{ idleMs: 1.5 }, /idleMs needs/],
    [{ whenSlow: "block" }, /whenSlow needs "wait" or "drop" or "close", and got 'block'/],
    [{ deflate: { windowBits: 8 } }, /deflate needs true, false or/],
    [{ deflate: { level: 9 } }, /deflate needs/],
    [{ accept: true }, /accept needs a function/],
  ] as const) {
    test(`refuses ${JSON.stringify(options)}`, () => {
      assert.throws(() => socketActor(body, options as never), { code: "SOCKET_INVALID", message });
    });
  }

  test("has defaults for all options, and the function's name", () => {
    const { accept, ...options } = socketActor(body, { pingMs: undefined as never }).options;
    assert.equal(accept, undefined);
    assert.deepEqual(options, {
      name: "body",
      origins: "same",
      protocols: [],
      messageBytes: 1_048_576,
      fragments: 1024,
      messagesPerSecond: 0,
      unreadMessages: 64,
      unreadBytes: 262_144,
      sendBytes: 1_048_576,
      whenSlow: "wait",
      pingMs: 30_000,
      idleMs: 0,
      sockets: 0,
      deflate: undefined,
      onDrain: "close",
      endMs: 5000,
    });
  });
});
