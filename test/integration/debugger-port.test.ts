import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { get, lifeApp, serve } from "../server/arbiter/support.ts";

/** What the program behind a debugger's address answers to an expression. */
async function evaluate(address: string, expression: string): Promise<unknown> {
  const socket = new WebSocket(address);
  const answer = new Promise<unknown>((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error(`${address} cannot be reached`)));
    socket.addEventListener("message", ({ data }) => {
      resolve((JSON.parse(String(data)) as { result: { result: { value: unknown } } }).result.result.value);
    });
  });
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression, returnByValue: true } }));
  });
  try {
    return await answer;
  } finally {
    socket.close();
  }
}

describe("--inspect", { concurrency: 2 }, () => {
  for (const shape of [
    ["-w", "2", "-t", "1"],
    ["-w", "1", "-t", "2"],
  ]) {
    test(`opens a port for a debugger in each worker, also in those of a reload (${shape.join(" ")})`, async (t) => {
      const server = await serve(t, lifeApp, [...shape, "--inspect", "0"]);
      const workers = Number(shape[1]);
      const addresses = (): string[] => server.stderr().match(/(?<=Debugger listening on )ws:\S+/g) ?? [];
      assert.equal(addresses().length, workers);
      const pids = await Promise.all(addresses().map((address) => evaluate(address, "process.pid")));
      const { workers: running } = await server.status();
      assert.deepEqual(new Set(pids), new Set(running.map(({ pid }) => pid)));
      assert.equal((await get(server.url)).body, "ok");
      server.signal("SIGHUP");
      await server.waitForLog(/generation 2: serving/);
      assert.equal(addresses().length, 2 * workers);
      const { code } = await server.stop();
      assert.equal(code, 0);
    });
  }

  test("takes another port when its own is taken, by the worker that is replaced", async (t) => {
    const first = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--inspect", "0"]);
    const [, port = ""] = /Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(first.stderr()) ?? [];
    const second = await serve(t, lifeApp, ["-w", "1", "-t", "1", "--inspect", port]);
    const [address = ""] = second.stderr().match(/(?<=Debugger listening on )ws:\S+/) ?? [];
    assert.notEqual(new URL(address).port, port);
    assert.equal(await evaluate(address, "1 + 1"), 2);
  });
});
