/** A fetch app behind an HTTP/2 server of its own. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants, createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { fetchListener } from "../../../../src/server/app/fetch/fetch-handler.ts";

async function ask(
  t: TestContext,
  fetch: (request: Request) => Response,
  headers: OutgoingHttpHeaders = {},
): Promise<{ readonly headers: IncomingHttpHeaders; readonly body: string }> {
  const listener = fetchListener({ fetch });
  const server = createServer((req, res) => void listener(req as never, res as never));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => session.destroy());
  const stream = session.request(headers);
  const [given] = (await once(stream, "response")) as [IncomingHttpHeaders];
  return { headers: given, body: await text(stream) };
}

test("a request's URL has the host that the client has asked for", async (t) => {
  const { body } = await ask(t, ({ url }) => new Response(url), { ":path": "/a?b", ":authority": "Shop.example:8443" });
  assert.equal(body, "http://shop.example:8443/a?b");
  const { body: translated } = await ask(t, ({ url }) => new Response(url), { host: "old.example" });
  assert.equal(translated, "http://old.example/");
});

test("a response has all of its cookies", async (t) => {
  const { headers } = await ask(t, () => {
    const response = new Response("two");
    response.headers.append("set-cookie", "a=1");
    response.headers.append("set-cookie", "b=2");
    return response;
  });
  assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
});

test("a proxied answer loses the headers of its connection, and arrives", async (t) => {
  const given = {
    connection: "keep-alive",
    "keep-alive": "timeout=5",
    "transfer-encoding": "chunked",
    "x-kept": "yes",
  };
  const { headers, body } = await ask(t, () => new Response("proxied", { headers: given, statusText: "Fine" }));
  assert.deepEqual(
    [headers[":status"], headers["x-kept"], headers["keep-alive"], body],
    [200, "yes", undefined, "proxied"],
  );
});

test("a stream that answers a client which has left is cancelled", async (t) => {
  const called = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<unknown>();
  const listener = fetchListener({
    fetch: async () => {
      called.resolve();
      await gone.promise;
      return new Response(new ReadableStream({ cancel: (reason) => cancelled.resolve(reason) }));
    },
  });
  const server = createServer((req, res) => {
    res.once("close", gone.resolve);
    void listener(req as never, res as never);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  t.after(() => session.destroy());
  const stream = session.request();
  await called.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  assert.equal(((await cancelled.promise) as Error).name, "AbortError");
});
