/** Blocking style under the models that allow it: the end of a request reaches the task that its handler waits for. */

import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Cleanup, type LifeServer, serve } from "../server/arbiter/support.ts";
import { hasFfi } from "../support/ffi.ts";
import { inTime } from "../support/in-time.ts";

const app = fileURLToPath(new URL("../fixtures/await-sync/app.ts", import.meta.url));

/** What the tasks fetch from. */
class Upstream {
  readonly #server: Server = createServer((req, res) => this.#answer(req, res));
  /** Requests to /hang: that they came, and that they were given up. */
  came = Promise.withResolvers<void>();
  gone = Promise.withResolvers<void>();

  async listen(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  reset(): void {
    this.came = Promise.withResolvers();
    this.gone = Promise.withResolvers();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(req: IncomingMessage, res: ServerResponse): void {
    switch (req.url) {
      case "/rows":
        res.end("rows");
        break;
      case "/late":
        // Longer than the time limit of its route, and than a thread may stand still.
        setTimeout(() => res.end("ended"), 3000);
        break;
      case "/soon":
        // Several looks at the client later.
        setTimeout(() => res.end("soon"), 300);
        break;
      default:
        this.came.resolve();
        res.once("close", () => this.gone.resolve());
    }
  }
}

const upstream = new Upstream();
before(() => upstream.listen());
beforeEach(() => upstream.reset());
after(() => upstream.close());

async function get(server: LifeServer, path: string, from: string, signal?: AbortSignal) {
  const url = `${server.url}${path}?upstream=${encodeURIComponent(upstream.url(from))}`;
  const response = await fetch(url, signal === undefined ? {} : { signal });
  return { status: response.status, body: await response.text(), thread: response.headers.get("x-thread") };
}

/** The thread that would have been ended still serves. */
async function assertSurvived(server: LifeServer, thread: string | null): Promise<void> {
  assert.deepEqual(await get(server, "/", "/rows"), { status: 200, body: "rows", thread });
  assert.equal((await server.status()).restarts.threads, 0);
}

for (const model of ["threads", "sync"]) {
  describe(`awaitSync under the model ${model}`, () => {
    let server: LifeServer;
    let thread: string | null;
    const ends: (() => void | Promise<void>)[] = [];
    const cleanup: Cleanup = { after: (end) => void ends.unshift(end) };
    before(async () => {
      const threads = model === "threads" ? ["--threads", "1"] : [];
      server = await serve(cleanup, app, ["--model", model, "--timeout", "2s", ...threads]);
      ({ thread } = await get(server, "/thread", ""));
    });
    after(async () => {
      for (const end of ends) await end();
    });

    test("a handler returns what a task has fetched", async () => {
      assert.deepEqual(await get(server, "/", "/rows"), { status: 200, body: "rows", thread });
    });

    test("a request that times out ends the wait and the task, and its thread goes on", async () => {
      const from = server.mark();
      assert.equal((await get(server, "/hurry", "/hang")).status, 504);
      await upstream.gone.promise;
      await server.waitForLog(/caught TimeoutError: the handler did not answer within 4000 ms/, from);
      await assertSurvived(server, thread);
      assert.doesNotMatch(server.output(from), /the handler failed/);
    });

    test("a client that leaves ends the wait and the task, and its thread goes on", async () => {
      const from = server.mark();
      const leaving = new AbortController();
      // Nobody else can look for it under `sync`, where the kernel can't be asked: the time limit ends the wait.
      const isSeen = hasFfi || model !== "sync";
      const path = isSeen ? "/" : "/hurry";
      const left = assert.rejects(get(server, path, "/hang", leaving.signal), { name: "AbortError" });
      await upstream.came.promise;
      leaving.abort();
      await left;
      await upstream.gone.promise;
      await server.waitForLog(isSeen ? /caught AbortError: the client went away/ : /caught TimeoutError/, from);
      await assertSurvived(server, thread);
      assert.doesNotMatch(server.output(from), /the handler failed/);
    });

    test("a client that ends its side behind its request gets its answer", async () => {
      const { hostname, port } = new URL(server.url);
      await inTime(async ({ sendLast }) => {
        const socket = connect(Number(port), hostname);
        await once(socket, "connect");
        sendLast(socket, `GET /?upstream=${encodeURIComponent(upstream.url("/soon"))} HTTP/1.1\r\nhost: test\r\n\r\n`);
        const [head, body] = (await text(socket)).split("\r\n\r\n");
        assert.match(head!, /^HTTP\/1\.1 200 /);
        assert.match(body!, /soon/);
      });
      await assertSurvived(server, thread);
    });

    test("a response that has begun may wait for longer than the time limit", async () => {
      assert.deepEqual(await get(server, "/begun", "/late"), { status: 200, body: "begun and ended", thread });
      await assertSurvived(server, thread);
    });

    test("a task that blocks its I/O thread ends with the request, and the next gets a new I/O thread", async () => {
      const from = server.mark();
      assert.equal((await get(server, "/spin", "/rows")).status, 504);
      await server.waitForLog(/the task "spin" of file:\S+ blocked its I\/O thread/, from);
      await assertSurvived(server, thread);
    });
  });
}

test("under thread-per-request a fresh thread has its own I/O thread, and both end with the request", async (t) => {
  const server = await serve(t, app, ["--model", "thread-per-request", "--threads", "1:2"]);
  const [first, second] = [await get(server, "/", "/rows"), await get(server, "/", "/rows")];
  assert.deepEqual([first.body, second.body], ["rows", "rows"]);
  assert.notEqual(first.thread, second.thread);
  assert.equal((await get(server, "/hurry", "/hang")).status, 504);
  await upstream.gone.promise;
});

test("on an event loop awaitSync is refused, with the way out", async (t) => {
  const server = await serve(t, app, ["--model", "loop", "--threads", "1"]);
  assert.equal((await get(server, "/", "/rows")).status, 500);
  await server.waitForLog(/AWAIT_SYNC_REFUSED/);
  assert.match(server.output(0), /awaitSync\(fetchText\) would hold up every other request on this event loop/);
  assert.match(server.output(0), /await task\(…\)[^]*routes: \{ \\"\/\\": \{ model: \\"threads\\"/);
});
