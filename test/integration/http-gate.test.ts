import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { tempFolder, until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/http/semantics.ts", import.meta.url).pathname;
const configFile = new URL("../fixtures/http/heddle.config.ts", import.meta.url).pathname;

/** Opens connections that each send one request, and collects those whose response has begun, as they come. */
class Crowd implements AsyncDisposable {
  readonly #clients: RawConnection[] = [];
  readonly #begun: { client: RawConnection; status: number; retryAfter: string | undefined }[] = [];
  #wake: (() => void) | undefined;

  static async send(server: TestServer, path: string, count: number): Promise<Crowd> {
    const crowd = new Crowd();
    for (let at = 0; at < count; at++) {
      const client = await RawConnection.open(server.port);
      crowd.#clients.push(client);
      client.request(`GET ${path} HTTP/1.1`);
      void client.head().then(
        ({ status, headers }) => {
          crowd.#begun.push({ client, status, retryAfter: headers["retry-after"] });
          crowd.#wake?.();
        },
        () => {},
      );
    }
    return crowd;
  }

  get begun(): number {
    return this.#begun.length;
  }

  async next(): Promise<{ client: RawConnection; status: number; retryAfter: string | undefined }> {
    while (this.#begun.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#begun.shift()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
  }
}

/** Everyone gets in, and never more than `limit` are in at once: one more comes in only when one has left. */
async function assertHolds(server: TestServer, path: string, limit: number, count: number): Promise<void> {
  await using crowd = await Crowd.send(server, path, count);
  let inside: RawConnection[] = [];
  for (let entered = 0; entered < count; entered++) {
    const { client, status } = await crowd.next();
    assert.equal(status, 200);
    inside.push(client);
    assert.ok(inside.length + crowd.begun <= limit, `${inside.length + crowd.begun} were inside, of ${limit}`);
    if (inside.length < Math.min(limit, count - (entered + 1 - inside.length))) continue;
    inside.shift()!.destroy();
  }
  inside = [];
}

describe("the gate of a server with two threads", () => {
  test("holds --limit exactly, over both threads", async () => {
    await using server = await startServer(app, ["--threads", "2", "--limit", "3", "--queue-timeout", "0"]);
    await assertHolds(server, "/hold", 3, 20);
  });

  test("answers 503 with retry-after when the queue is full or the wait too long, and says which in the access log", async () => {
    const flags = "--threads 2 --limit 2 --queue 2 --queue-timeout 6s --access-log --log-format json";
    await using server = await startServer(app, flags.split(" "));
    await using crowd = await Crowd.send(server, "/hold", 6);
    const answers = [];
    for (let at = 0; at < 6; at++) answers.push(await crowd.next());
    assert.equal(answers.filter(({ status }) => status === 503).length, 4);
    assert.equal(answers.filter(({ status }) => status === 200).length, 2);
    for (const { status, retryAfter } of answers) assert.equal(Number(retryAfter) > 0, status === 503);
    await server.waitForLog(/(?:"refusal":"QUEUE_TIMEOUT"[^]*){2}/);
    assert.equal(server.stdout().match(/"refusal":"OVERLOADED"/g)?.length, 2);
    assert.equal(server.stdout().match(/"refusal":"QUEUE_TIMEOUT"/g)?.length, 2);

    // Refused requests leave nothing behind: when the two inside go, two others come in.
    for (const { client, status } of answers) if (status === 200) client.destroy();
    await using others = await Crowd.send(server, "/hold", 2);
    assert.deepEqual([(await others.next()).status, (await others.next()).status], [200, 200]);
  });

  test("a client that leaves the queue gives up its place", async () => {
    const flags = "--threads 2 --limit 1 --queue 1 --queue-timeout 0 --access-log --log-format json";
    await using server = await startServer(app, flags.split(" "));
    await using inside = await Crowd.send(server, "/hold", 1);
    const { client } = await inside.next();
    for (let round = 1; round <= 4; round++) {
      // One of the two waits and the other is shed; then the one that waits leaves.
      {
        await using crowd = await Crowd.send(server, "/hold", 2);
        assert.equal((await crowd.next()).status, 503);
      }
      await server.waitForLog(new RegExp(`(?:"clientGone":true[^]*){${round}}`));
    }
    await using last = await Crowd.send(server, "/hold", 1);
    client.destroy();
    assert.equal((await last.next()).status, 200);
  });

  const queues = { loop: ["--limit", "1"], threads: ["--model", "threads"] };
  for (const [model, args] of Object.entries(queues)) {
    test(`all of the time of a client that leaves the queue is queue time in the access log (${model})`, async () => {
      const flags = "--threads 1 --queue 1 --queue-timeout 0 --access-log --log-format json";
      await using server = await startServer(app, [...flags.split(" "), ...args]);
      await using inside = await Crowd.send(server, "/hold", 1);
      await inside.next();
      {
        await using crowd = await Crowd.send(server, "/hold", 2);
        assert.equal((await crowd.next()).status, 503);
      }
      const [line] = await server.waitForLog(/^\{[^\n]*"clientGone":true[^\n]*\}$/m);
      const { queueMs, handlerMs } = JSON.parse(line) as { queueMs: number; handlerMs: number };
      assert.deepEqual([queueMs > 0, handlerMs], [true, 0], line);
    });
  }

  test("a slot that comes free runs the next request in its own context", async () => {
    await using server = await startServer(app, ["--threads", "1", "--limit", "1"]);
    await using first = await RawConnection.open(server.port);
    await using second = await RawConnection.open(server.port);
    first.request("GET /context?as=first HTTP/1.1");
    await server.waitForLog(/in context/);
    second.request("GET /context?as=second HTTP/1.1");
    assert.equal((await first.response()).body, "none");
    assert.equal((await second.response()).body, "none");
  });
});

test("an answer that waits for the one before it on its connection keeps no slot from that", async (t) => {
  const text = `
    let release;
    const released = new Promise((resolve) => (release = resolve));
    export const routes = { "/high": { priority: "high" }, "/go": { priority: "always" } };
    export default {
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === "/hold") {
          console.log("holds");
          await released;
        }
        if (pathname === "/go") release();
        return new Response(pathname);
      },
    };`;
  const file = join(tempFolder(t, { "app.mjs": text }), "app.mjs");
  await using server = await startServer(file, ["--threads", "1", "--limit", "1", "--queue-timeout", "0"]);
  await using holder = await RawConnection.open(server.port);
  holder.request("GET /hold HTTP/1.1");
  await server.waitForLog(/holds/);
  await using client = await RawConnection.open(server.port);
  // If the second one were let in first, the first one would need its slot.
  client.write(["/normal", "/high", "/go"].map((path) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`).join(""));
  for (const path of ["/normal", "/high", "/go"]) {
    const { status, body } = await client.response();
    assert.deepEqual([status, body], [200, path]);
  }
});

describe("a route's own settings", () => {
  test("limit it apart from the rest, whether the app or the config file has them, and the file wins", async () => {
    const flags = "--threads 2 --queue-timeout 300ms --timeout 10s --config";
    await using server = await startServer(app, [...flags.split(" "), configFile]);
    await using app3 = await Crowd.send(server, "/limited", 3);
    for (let at = 0; at < 3; at++) assert.equal((await app3.next()).status, 200);
    await using more = await Crowd.send(server, "/limited?again", 1);
    assert.equal((await more.next()).status, 503);
    await assertHolds(server, "/hold?by=file", 2, 2);
    // The other routes do not wait for those that are full.
    assert.equal((await fetch(`${server.url}/`)).status, 200);

    const statuses = await Promise.all(
      ["/briefly/configured", "/briefly/named"].map(async (path) => (await fetch(server.url + path)).status),
    );
    assert.deepEqual(statuses, [504, 504]);
  });

  test("limit it on all workers together, each of which gets a share", async (t) => {
    const config = `export default { routes: { "GET /hold": { limit: 4, queue: 0 } } };`;
    const file = join(tempFolder(t, { "heddle.config.ts": config }), "heddle.config.ts");
    await using server = await startServer(app, ["-w", "2", "-t", "1", "--timeout", "1m", "--config", file]);
    const statuses: number[] = [];
    const ask = async (): Promise<void> => {
      const client = await RawConnection.open(server.port);
      t.after(() => client.destroy());
      statuses.push((await client.request("GET /hold HTTP/1.1").head()).status);
    };
    const admitted = (): number => statuses.filter((status) => status === 200).length;
    // A worker that stands still gets none of a burst.
    await until(async () => {
      await Promise.all(Array.from({ length: 16 }, ask));
      return admitted() >= 4;
    }, "both workers to have their share");
    await Promise.all(Array.from({ length: 16 }, ask));
    assert.equal(admitted(), 4);
    assert.deepEqual(new Set(statuses), new Set([200, 503]));
  });

  test("an unlimited one outlasts the server's timeout", async () => {
    await using server = await startServer(app, ["--threads", "1", "--timeout", "400ms"]);
    await using patient = await RawConnection.open(server.port);
    patient.request("GET /unlimited HTTP/1.1");
    await server.waitForLog(/left alone \/unlimited/);
    for (let round = 0; round < 2; round++) assert.equal((await fetch(`${server.url}/other`)).status, 504);
    assert.equal(patient.received, 0);
  });
});
