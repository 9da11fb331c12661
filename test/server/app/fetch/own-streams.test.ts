import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { installFastResponse } from "../../../../src/server/app/fetch/fast-response.ts";

/** node:test fails a test during which something is uncaught, or rejected unhandled. */
describe("a body that Node makes a stream of may be cancelled at any time", () => {
  const Native = globalThis.Response;
  before(installFastResponse);
  after(() => {
    globalThis.Response = Native;
  });

  const turns = async (): Promise<void> => {
    for (let at = 0; at < 10; at++) await turn();
  };

  test("a generator that ends because it was cancelled", async () => {
    const left = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const reader = new Response(
      (async function* () {
        try {
          await left.promise;
          yield* [];
        } finally {
          ended.resolve();
        }
      })(),
    ).body!.getReader();
    const read = reader.read();
    await turn();
    const cancelled = reader.cancel();
    left.resolve();
    assert.equal((await read).done, true);
    await cancelled;
    await ended.promise;
    await turns();
  });

  test("an iterator that waits is asked to return", async () => {
    const waiting = Promise.withResolvers<IteratorResult<string, undefined>>();
    const body = {
      [Symbol.asyncIterator]: () => ({
        next: () => waiting.promise,
        return: () => {
          waiting.resolve({ done: true, value: undefined });
          return waiting.promise;
        },
      }),
    };
    const reader = new Response(body as unknown as ReadableStream).body!.getReader();
    const read = reader.read();
    await turn();
    await reader.cancel();
    assert.equal((await read).done, true);
    await turns();
  });

  test("form data, unread and half read", async () => {
    const form = new FormData();
    form.set("file", new Blob(["x".repeat(1_000_000)]));
    form.set("name", "value");
    await new Response(form).body!.cancel();
    const reader = new Response(form).body!.getReader();
    await reader.read();
    await reader.cancel();
    await turns();
  });

  test("their bytes, their types and their failures are the native ones", async () => {
    const form = new FormData();
    form.set("name", "value");
    assert.equal((await new Response(form).formData()).get("name"), "value");
    assert.match(
      new Response(form, { headers: { "x-a": "1" } }).headers.get("content-type")!,
      /^multipart\/form-data; b/,
    );
    assert.equal(new Response(form, { headers: { "content-type": "a/b" } }).headers.get("content-type"), "a/b");
    const parts = ["text é", new Uint8Array(0), new Uint8Array([33])];
    assert.equal(await new Response(Readable.from(parts)).text(), "text é!");
    const failing = (async function* () {
      yield new Uint8Array(1);
      throw new Error("in the middle");
    })();
    await assert.rejects(new Response(failing).text(), /in the middle/);
    const read = Readable.from(["x"]);
    await read.toArray();
    assert.throws(() => new Response(read), /disturbed/);
  });
});
