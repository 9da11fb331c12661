/** The model `actors`: requests as actors, and the app's supervision tree. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { until } from "../server/arbiter/support.ts";
import { RawConnection } from "../support/raw-connection.ts";
import { runHeddle, startServer, type TestServer } from "../support/server.ts";

const app = new URL("../fixtures/actors-model/app.ts", import.meta.url).pathname;
const treeApp = new URL("../fixtures/actors-model/tree.ts", import.meta.url).pathname;
const flags = ["--model", "actors", "--threads", "1", "--log-format", "json", "--debug-headers"];

async function get({ url }: TestServer, path: string): Promise<readonly [status: number, body: string]> {
  const response = await fetch(url + path);
  assert.equal(response.headers.get("x-heddle-model"), "actors");
  return [response.status, await response.text()];
}

async function workerOf({ url }: TestServer): Promise<string> {
  return (await fetch(`${url}/hello`)).headers.get("x-heddle-worker")!;
}

/** The log's lines that match, as objects. */
function lines(server: TestServer, from: number, pattern: RegExp): Record<string, any>[] {
  const found = server.output(from).split("\n");
  return found.filter((line) => line.startsWith("{") && pattern.test(line)).map((line) => JSON.parse(line));
}

describe("the model actors", { concurrency: 2 }, () => {
  test("heddle leaks finds a request that awaits what nobody settles, and none that the end of its client would wake", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "heddle-actors-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const control = join(folder, "control.sock");
    await using server = await startServer(app, [...flags, "--control", control]);
    const leaving = new AbortController();
    const waits = ["never", "aborted"].map((path) =>
      fetch(`${server.url}/${path}?name=${path}`, leaving).catch(() => {}),
    );
    await server.waitForLog(/^waiting never$/m);
    await server.waitForLog(/^waiting aborted$/m);
    const leaks = async (): Promise<readonly string[] | null> =>
      (await runHeddle(["leaks", "--json", "--control", control])).stdout.match(/"name": "[^"]*"/g);
    assert.deepEqual(await leaks(), ['"name": "GET /never?name=never"']);
    assert.deepEqual(await leaks(), null);
    leaving.abort();
    await Promise.all(waits);
  });

  test("a request is an actor: it receives, calls, is linked, and its end is its request's answer", async () => {
    await using server = await startServer(app, flags);
    assert.deepEqual(await get(server, "/next"), [200, "1"]);

    // Another request's message answers it, and it exits when its response is out.
    const waits = get(server, "/wait?name=a");
    await server.waitForLog(/^waiting a$/m);
    assert.deepEqual(await get(server, "/answer?name=a"), [200, "sent"]);
    assert.deepEqual(await waits, [200, "answered"]);
    await server.waitForLog(/^down a "normal"$/m);

    // Its context and its group end with the response, and so does it.
    assert.deepEqual(await get(server, "/scoped?name=scoped"), [200, "true"]);
    await server.waitForLog(/^down scoped "normal"$/m);

    const neighbour = get(server, "/wait?name=b");
    await server.waitForLog(/^waiting b$/m);
    for (const [path, reason] of [
      ["linked", "\\{\\}"],
      ["kills", '"killed"'],
      ["exits", '\\{"because":"exits"\\}'],
    ] as const) {
      const mark = server.mark();
      assert.deepEqual(await get(server, `/${path}?name=${path}`), [500, "500 Internal Server Error\n"]);
      await server.waitForLog(new RegExp(`^down ${path} ${reason}$`, "m"), mark);
      const failed = await server.waitForLog(/"msg":"the handler failed"/, mark);
      assert.ok(failed);
      assert.equal(lines(server, mark, /"msg":"the handler failed"/).length, 1, "it is told once");
    }
    await server.waitForLog(/^aborted linked$/m);
    assert.deepEqual(await get(server, "/answer?name=b"), [200, "sent"]);
    assert.deepEqual(await neighbour, [200, "answered"], "no other request was touched");
    assert.doesNotMatch(server.stderr(), /is replaced/);
  });

  test("an actor whose client leaves is told why, and so are those that it has started", async () => {
    await using server = await startServer(app, [...flags, "--timeout", "0"]);
    for (const [path, expected] of [
      ["wait", [/^down wait \{"shutdown":"client_gone"\}$/m]],
      ["child", [/^down child \{"shutdown":"client_gone"\}$/m, /^down child's child \{"shutdown":"client_gone"\}$/m]],
      ["traps", [/^told traps \{"shutdown":"client_gone"\}$/m, /^down traps "normal"$/m]],
    ] as const) {
      const client = await RawConnection.open(server.port);
      client.request(`GET /${path}?name=${path} HTTP/1.1`);
      await server.waitForLog(new RegExp(`^waiting ${path}$`, "m"));
      client.destroy();
      for (const pattern of expected) await server.waitForLog(pattern);
    }
    assert.doesNotMatch(server.stderr(), /the handler failed/);
    assert.deepEqual(await get(server, "/hello"), [200, "hello"]);
  });

  test("an actor that takes too long is told so", async () => {
    await using server = await startServer(app, [...flags, "--timeout", "3s"]);
    assert.equal((await get(server, "/wait?name=late"))[0], 504);
    await server.waitForLog(/^down late \{"shutdown":"timeout"\}$/m);
    assert.deepEqual(await get(server, "/hello"), [200, "hello"]);
  });

  test("the tree is restarted by its supervisor, and reports go to the log", async () => {
    await using server = await startServer(app, flags);
    assert.deepEqual(await get(server, "/next"), [200, "1"]);
    assert.equal((await get(server, "/crash"))[0], 500);
    await server.waitForLog(/"report":"child_restarted"/);
    assert.deepEqual(await get(server, "/next"), [200, "1"], "it has begun again");
    const [crash] = lines(server, 0, /crashed: first was told to crash/);
    const [ended] = lines(server, 0, /"report":"child_ended"/);
    const path = `${ended!["supervisor"]}/first`;
    assert.deepEqual([crash!["level"], crash!["path"], crash!["err"].message], [50, path, "first was told to crash"]);
    assert.deepEqual([ended!["level"], ended!["path"], ended!["restarts"]], [40, path, true]);

    // Too often: this copy of the app ends, and another one takes its place.
    const mark = server.mark();
    const worker = await workerOf(server);
    assert.equal((await get(server, "/crash"))[0], 500);
    const gaveUp = /the app's supervision tree <[\d.]+> has ended: supervisor <.*gives up.*the worker is replaced/;
    await server.waitForLog(gaveUp, mark);
    const [failed] = lines(server, mark, /the worker is replaced/);
    assert.deepEqual([failed!["level"], failed!["code"]], [50, "SUPERVISION_FAILED"]);
    await server.waitForLog(/^stopped second "shutdown"$/m, mark);
    // The old worker may take a connection more before it hears that it is to leave.
    await until(async () => (await workerOf(server)) !== worker, "another worker");
    const [status, body] = await until(async () => {
      const answer = await get(server, "/next");
      return answer[0] === 500 ? undefined : answer;
    }, "the tree of another worker");
    assert.deepEqual([status, body], [200, "1"]);
  });

  test("a stop ends the tree after the last response and onStop, the last child first", async () => {
    await using server = await startServer(app, [...flags, "--graceful-timeout", "10s"]);
    const waits = get(server, "/traps?name=last");
    await server.waitForLog(/^waiting last$/m);
    server.signal("SIGTERM");
    const { code } = await server.exited;
    assert.equal(code, 0);
    await server.waitForLog(/^told last \{"shutdown":"draining"\}$/m);
    assert.deepEqual(await waits, [200, "late"], "what it answers still counts");
    const told = [...server.stdout().matchAll(/^(onStop|stopped \w+ .*)$/gm)].map(([line]) => line);
    assert.deepEqual(told, ["onStop", 'stopped second "shutdown"', 'stopped first "shutdown"']);
  });
});

describe("the app's tree on a handler thread", { concurrency: 2 }, () => {
  for (const model of ["threads", "tasks"]) {
    test(`is guarded, and stopped with its copy of the app (${model})`, async () => {
      const shape = ["--model", model, "--workers", "1", "--threads", "1", "--log-format", "json"];
      await using server = await startServer(treeApp, shape);
      const ask = async (path: string): Promise<readonly [status: number, body: string]> => {
        const response = await fetch(server.url + path);
        return [response.status, await response.text()];
      };
      const [, first] = await ask("/next");
      assert.match(first, /^\d+ 1$/);
      assert.equal((await ask("/crash"))[0], 500);
      await server.waitForLog(
        /tree <[\d.]+> has ended: supervisor <.*\(on handler thread 1 of \w+\); the thread is replaced/,
      );
      const [crash] = lines(server, 0, /crashed: the counter was told to crash/);
      assert.deepEqual([crash!["level"], crash!["pool"]], [50, model]);
      const [failed] = lines(server, 0, /the thread is replaced/);
      assert.deepEqual([failed!["level"], failed!["code"]], [50, "SUPERVISION_FAILED"]);
      // The old one may get a request more before it is known that it is to leave.
      const second = await until(async () => {
        const [status, body] = await ask("/next");
        return status === 200 ? body : undefined;
      }, "the tree of another thread");
      assert.match(second, /^\d+ 1$/);
      assert.equal((await server.stop()).code, 0);
      // The serving thread has a copy too. Of the first handler thread nothing was left to stop.
      const told = [...server.stdout().matchAll(/^(on\w+|stopped "shutdown")$/gm)].map(([line]) => line);
      const times = (line: string): number => told.filter((each) => each === line).length;
      assert.deepEqual([times("onStart"), times("onStop"), times('stopped "shutdown"')], [3, 3, 2]);
    });
  }
});
