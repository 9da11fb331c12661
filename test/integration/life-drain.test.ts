/**
 * Long responses when their thread drains, under every model and in both kinds of apps. life-stop.test.ts and
 * life-reload.test.ts test all else that a drain does.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { type LifeServer, lifeApp, makeCertificate, serve, tempFolder } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import type { ServerOptions } from "../support/server.ts";
import { runHeddle } from "../support/server.ts";

const models = [
  { model: "loop", args: ["--threads", "1"] },
  { model: "sync", args: ["-w", "2"] },
  { model: "threads", args: ["--threads", "3"] },
  { model: "thread-per-request", args: ["--threads", "3"] },
  { model: "tasks", args: ["--threads", "2"] },
  { model: "actors", args: ["--threads", "1"] },
];
const shapes = ["listener", "fetch"] as const;
type Shape = (typeof shapes)[number];
/** In test/fixtures/drain/. */
type App = Shape | "awaits";

/** Most of the time a server here waits for the end of its graceful timeout. That is not short: a machine may be busy. */
const SUITES_AT_ONCE = 2;
const AT_ONCE = 4;

/** What the model needs to have so many requests at once. */
function atOnce({ model }: (typeof models)[number], requests: number): readonly string[] {
  if (model === "loop" || model === "tasks" || model === "actors") return [];
  return model === "sync" ? ["-w", `${requests}`] : ["--threads", `${requests}`];
}

function app(name: App): string {
  return fileURLToPath(new URL(`../fixtures/drain/${name}.ts`, import.meta.url));
}

function serveDrain(
  t: TestContext,
  name: App,
  { model, args }: (typeof models)[number],
  more: readonly string[] = [],
  options: ServerOptions = {},
): Promise<LifeServer> {
  return serve(t, app(name), ["--model", model, ...args, ...more], options);
}

async function ask(t: TestContext, server: LifeServer, path: string): Promise<RawConnection> {
  const client = await RawConnection.open(server.port);
  t.after(() => client.destroy());
  return client.request(`GET ${path} HTTP/1.1`);
}

/** A response of which the head has come. */
async function begun(t: TestContext, server: LifeServer, path: string): Promise<Begun> {
  const client = await ask(t, server, path);
  const { headers } = await client.head();
  return { client, rest: () => client.body(headers) };
}

interface Begun {
  readonly client: RawConnection;
  rest(): ReturnType<RawConnection["body"]>;
}

/** A request that a handler has. */
async function arrived(t: TestContext, server: LifeServer, path: string): Promise<RawConnection> {
  const mark = server.mark();
  const client = await ask(t, server, path);
  await server.waitForLog(/has come/, mark);
  return client;
}

async function assertStops(server: LifeServer, code: number): Promise<void> {
  assert.deepEqual(await server.stop(), { code, signal: null }, server.stdout() + server.stderr());
}

/** The threads that said `word`, once for each time. */
function threadsThat(server: LifeServer, word: string): string[] {
  return [...server.stdout().matchAll(new RegExp(`^${word}: heddle (.+)$`, "gm"))].map(([, thread]) => thread!).sort();
}

/** That of every thread which was there at the end the hooks ran, once each and in order. */
function assertHooks(server: LifeServer, reason: string): void {
  const drained = threadsThat(server, String.raw`draining \(${reason}\)`);
  const stopped = threadsThat(server, "stopped");
  assert.ok(
    drained.some((thread) => thread.startsWith("serving thread 0")),
    server.stdout(),
  );
  assert.equal(new Set(drained).size, drained.length, "once for each thread");
  // A thread that had its one request has ended with it.
  const there = drained.filter((thread) => !thread.includes("thread-per-request") || stopped.includes(thread));
  assert.deepEqual(stopped, there, server.stdout());
  assert.ok(server.stdout().indexOf("draining") < server.stdout().indexOf("stopped"));
}

describe("responses that last", { concurrency: SUITES_AT_ONCE }, () => {
  for (const model of models) {
    for (const shape of shapes) {
      describe(`${model.model}, ${shape}`, { concurrency: AT_ONCE }, () => {
        test("event streams are told when a stop begins or has begun, and end whole, also when their handler fails for it", async (t) => {
          const server = await serveDrain(t, shape, model, atOnce(model, 3));
          const stream = await begun(t, server, "/events");
          const fails = await begun(t, server, "/events/fails");
          const late = await arrived(t, server, "/events/late");
          await assertStops(server, 0);
          const { body, complete } = await stream.rest();
          assert.deepEqual([body, complete], ["data: one\n\ndata: last\n\n", true]);
          await stream.client.ended();
          await server.waitForLog(/aborted \/events: DrainError/);
          const failed = await fails.rest();
          assert.match(failed.body, /^data: one\n\n/);
          assert.equal(failed.complete, true);
          const { body: lateBody, complete: lateComplete } = await late.response();
          assert.deepEqual([lateBody, lateComplete], ["data: one\n\ndata: last\n\n", true]);
          assertHooks(server, "stop");
          assert.doesNotMatch(server.stderr(), /failed|uncaught|cut|killed/);
        });

        test("everything else goes on, is told shortly before the end, and answers, is answered for, or is cut; onStop runs", async (t) => {
          const workers = model.model === "sync" ? [] : ["-w", "2"];
          const server = await serveDrain(t, shape, model, [
            "--graceful-timeout",
            "16s",
            ...atOnce(model, 5),
            ...workers,
          ]);
          const slow = await arrived(t, server, "/slow");
          const deaf = await begun(t, server, "/deaf");
          const silent = await arrived(t, server, "/poll/deaf");
          const answers = await arrived(t, server, "/poll/answers");
          const fails = await arrived(t, server, "/poll/fails");
          await assertStops(server, 1);
          assert.deepEqual([(await slow.response()).body], ["slow"]);
          const { body, complete } = await deaf.rest();
          assert.match(body, /^one\n/);
          assert.equal(complete, false);
          const { status, headers } = await silent.response();
          assert.deepEqual([status, headers["retry-after"], headers["connection"]], [503, "1", "close"]);
          assert.equal((await answers.response()).body, "nothing new");
          assert.equal((await fails.response()).status, 503);
          assert.match(server.stdout(), /aborted \/deaf: DrainError/);
          assert.match(server.stdout(), /aborted \/poll\/deaf: DrainError/);
          assert.doesNotMatch(server.stdout(), /aborted \/slow/);
          if (shape === "fetch") assert.match(server.stdout(), /cancelled \/deaf: DrainError/);
          assertHooks(server, "stop");
          assert.match(
            server.stderr(),
            // All of them may have been on one worker.
            /cut (?:1 request|[23] requests) short: --graceful-timeout \(16000 ms\) was nearly over/,
          );
          assert.doesNotMatch(server.stderr(), /failed|killed/);
        });
      });
    }

    describe(`${model.model}: onDrain`, { concurrency: AT_ONCE }, () => {
      test("holds up onStop, and nothing else", async (t) => {
        const server = await serveDrain(t, "listener", model, [], { env: { ON_DRAIN: "takes-time" } });
        const stream = await begun(t, server, "/events");
        await assertStops(server, 0);
        assert.equal((await stream.rest()).complete, true);
        assertHooks(server, "stop");
        for (const thread of threadsThat(server, "stopped")) {
          assert.ok(
            server.stdout().indexOf(`drained: heddle ${thread}`) < server.stdout().indexOf(`stopped: heddle ${thread}`),
          );
        }
      });

      test("that throws is logged, and costs nothing", async (t) => {
        const server = await serveDrain(t, "fetch", model, [], { env: { ON_DRAIN: "throws" } });
        const stream = await begun(t, server, "/events/silent");
        await assertStops(server, 0);
        assert.equal((await stream.rest()).complete, true);
        assert.match(server.stderr(), /the app's onDrain failed/);
        assert.match(server.stderr(), /no drain today/);
        assertHooks(server, "stop");
      });

      test("that hangs does not keep onStop from running", async (t) => {
        const server = await serveDrain(t, "listener", model, ["--graceful-timeout", "16s"], {
          env: { ON_DRAIN: "hangs" },
        });
        await assertStops(server, 0);
        assertHooks(server, "stop");
      });
    });

    describe(`${model.model}: a reload`, { concurrency: AT_ONCE }, () => {
      test("ends event streams, with their connection, and their clients meet the new generation", async (t) => {
        const server = await serveDrain(t, "fetch", model);
        const path = "/events/silent";
        const stream = await begun(t, server, path);
        assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
        assert.equal((await stream.rest()).complete, true);
        await stream.client.ended();
        await server.waitForLog(/stopped: heddle serving thread 0/);
        assertHooks(server, "reload");
        assert.match(server.stdout(), /cancelled \/events\/silent: DrainError/);
        const mark = server.mark();
        const again = await begun(t, server, path);
        const stopping = server.stop();
        assert.equal((await again.rest()).complete, true);
        assert.deepEqual(await stopping, { code: 0, signal: null });
        assert.match(server.output(mark), /draining \(stop\)/);
      });

      test("is followed by a stop: onStop runs, also beside what ignores both", async (t) => {
        const server = await serveDrain(t, "listener", model, ["--graceful-timeout", "16s"]);
        const deaf = await begun(t, server, "/deaf");
        server.signal("SIGHUP");
        await server.waitForLog(/generation 2: serving; draining/);
        const stopping = server.stop();
        assert.equal((await deaf.rest()).complete, false);
        assert.equal((await stopping).code, 1);
        const serving = (word: string): string[] =>
          threadsThat(server, word).filter((thread) => thread.startsWith("serving"));
        assert.ok(serving(String.raw`draining \(reload\)`).length > 0);
        assert.ok(serving(String.raw`draining \(stop\)`).length > 0);
        assert.deepEqual(serving(String.raw`draining \(\w+\)`), serving("started"), "once for each thread");
        assert.deepEqual(serving("stopped"), serving("started"));
        assert.doesNotMatch(server.stderr(), /killed/);
      });
    });

    test(`${model.model}: an onStop that hangs is ended at the graceful timeout, and named`, async (t) => {
      const server = await serveDrain(t, "listener", model, ["--graceful-timeout", "8s"], {
        env: { ON_STOP: "hangs" },
      });
      await assertStops(server, 1);
      assert.match(server.stderr(), /killed: the app's onStop did not end within --graceful-timeout \(8000 ms\)/);
      assertHooks(server, "stop");
    });

    test(`${model.model}: a graceful timeout of 0 ends everything at once`, async (t) => {
      const server = await serveDrain(t, "listener", model, ["--graceful-timeout", "0"]);
      const stream = await begun(t, server, "/deaf");
      await assertStops(server, 1);
      assert.equal((await stream.rest()).complete, false);
    });
  }
});

describe("a drain", { concurrency: AT_ONCE }, () => {
  for (const model of models.slice(1, 4)) {
    test(`ends awaitSync under ${model.model}`, async (t) => {
      const server = await serveDrain(t, "awaits", model, ["--graceful-timeout", "16s"]);
      const client = await arrived(t, server, "/awaits");
      await assertStops(server, 1);
      assert.equal((await client.response()).status, 503);
      assertHooks(server, "stop");
      assert.doesNotMatch(server.stderr(), /failed|killed/);
    });
  }

  for (const model of models.slice(2, 4)) {
    test(`runs onStop on the other threads when one is blocked for good, under ${model.model}`, async (t) => {
      const server = await serveDrain(t, "listener", model, ["--graceful-timeout", "16s", "--timeout", "0"]);
      const client = await arrived(t, server, "/blocks");
      await assertStops(server, 1);
      assert.equal((await client.response()).status, 503);
      const started = threadsThat(server, "started").length;
      assert.equal(threadsThat(server, "stopped").length, started - 1, server.stdout());
    });

    test(`answers for what waits for a thread, under ${model.model}`, async (t) => {
      const one = { ...model, args: ["--threads", "1"] };
      const server = await serveDrain(t, "fetch", one, ["--graceful-timeout", "16s"]);
      const first = await arrived(t, server, "/poll/deaf");
      const second = await ask(t, server, "/slow");
      await server.waitForStatus((status) => status.models[model.model]?.queued === 1);
      await assertStops(server, 1);
      assert.deepEqual([(await first.response()).status, (await second.response()).status], [503, 503]);
      assertHooks(server, "stop");
    });
  }

  test("answers for what waits at the gate", async (t) => {
    const server = await serveDrain(t, "fetch", models[0]!, ["--graceful-timeout", "16s", "--limit", "1"]);
    const first = await arrived(t, server, "/poll/deaf");
    const second = await ask(t, server, "/slow");
    await server.waitForStatus(({ workers }) => workers[0]!.threads[0]!.queued === 1);
    await assertStops(server, 1);
    assert.deepEqual([(await first.response()).status, (await second.response()).status], [503, 503]);
    assertHooks(server, "stop");
  });

  test("lets the line of a sync server move on when event streams hold it up", async (t) => {
    const server = await serveDrain(t, "listener", { model: "sync", args: ["-w", "1"] });
    const stream = await begun(t, server, "/events");
    const next = await ask(t, server, "/");
    await server.waitForStatus(({ models }) => models["sync"]?.queued === 1);
    await assertStops(server, 0);
    assert.equal((await stream.rest()).complete, true);
    assert.equal((await next.response()).body, "hello");
    assertHooks(server, "stop");
  });

  test("closes WebSockets that do not answer their close frame, before onStop", async (t) => {
    const server = await serve(t, lifeApp, ["--threads", "1", "--graceful-timeout", "16s"]);
    const client = await RawConnection.open(server.port);
    t.after(() => client.destroy());
    const upgrade = ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    client.request("GET /ws HTTP/1.1", [...upgrade, "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="]);
    assert.equal((await client.head()).status, 101);
    await assertStops(server, 0);
    assert.equal(Buffer.from(await client.rest(), "latin1").toString("hex"), "880203e9");
    assert.doesNotMatch(server.stderr(), /killed/);
  });

  test("cuts over TLS as well, after what it answers", async (t) => {
    const { cert, key } = makeCertificate(tempFolder(t), "localhost");
    const args = ["--tls-cert", cert, "--tls-key", key, "--graceful-timeout", "16s"];
    const server = await serveDrain(t, "listener", models[0]!, args);
    const stream = await getByTls(t, server, "/events");
    const deaf = await getByTls(t, server, "/deaf");
    const poll = getByTls(t, server, "/poll/deaf");
    await server.waitForLog(/has come/);
    await assertStops(server, 1);
    assert.match(await text(stream), /last/);
    await assert.rejects(text(deaf));
    assert.equal((await poll).statusCode, 503);
    assertHooks(server, "stop");
  });
});

async function getByTls(t: TestContext, { port }: LifeServer, path: string): Promise<IncomingMessage> {
  const request = httpsGet({ host: "127.0.0.1", port, path, agent: false, rejectUnauthorized: false });
  t.after(() => request.destroy());
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

test("a WebSocket that answers its close frame, an idle connection and a silent one do not delay onStop", async (t) => {
  const server = await serve(t, lifeApp, ["--threads", "1", "--keep-alive", "10m", "--graceful-timeout", "16s"]);
  const webSocket = new WebSocket(`${server.url.replace("http", "ws")}/ws`);
  await once(webSocket, "open");
  const idle = await ask(t, server, "/");
  await idle.response();
  const goodbye = once(webSocket, "close");
  assert.equal((await runHeddle(["reload", "--control", server.control])).code, 0);
  assert.equal((await goodbye)[0], 1001);
  // At the end of the old generation's time, without having to be killed.
  await idle.ended();
  assert.doesNotMatch(server.stderr(), /killed|cut/);
});
