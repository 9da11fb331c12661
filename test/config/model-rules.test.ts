import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal, resolved } from "./support.ts";

const sync = ["--model", "sync"];

test("a sync worker has one thread and ends each connection, whatever the defaults and the keep-alive", () => {
  const config = resolved({ argv: [...sync, "--keep-alive", "10s", "-w", "4"] });
  assert.deepEqual([config.threads, config.keepAliveMs, config.workers], [{ min: 1, max: 1 }, 0, 4]);
  assert.deepEqual(resolved({ argv: [...sync, "--threads", "1"] }).threads, { min: 1, max: 1 });
});

test("threads and ways of accepting that sync cannot have are refused where they were set", () => {
  for (const [said, start] of [
    [{ argv: [...sync, "--threads", "4"] }, '--threads: got "4" with the model sync; expected 1'],
    [{ argv: [...sync, "--threads", "1:2"] }, '--threads: got "1:2" with'],
    [{ argv: sync, env: { HEDDLE_THREADS: "2" } }, 'HEDDLE_THREADS in the environment: got "2" with'],
    [{ file: { model: "sync", threads: 8 } }, "threads in heddle.config.ts: got 8 with"],
    [{ argv: [...sync, "--accept", "shared"] }, '--accept: got "shared" with the model sync; expected handoff'],
    [{ argv: [...sync, "--accept", "reuseport"] }, '--accept: got "reuseport" with'],
  ] as const) {
    const message = refusal("CONFIG_CONFLICT", () => resolved(said));
    assert.ok(message.startsWith(start), message);
  }
});

test("sync is a model of servers: no route has it apart, and under it none has another", () => {
  const file = (model: string): object => ({ routes: { "GET /x": { model } } });
  const told = (argv: readonly string[], model: string): string =>
    refusal("CONFIG_CONFLICT", () => resolved({ argv, file: file(model) as Record<string, unknown> }));
  assert.match(
    told([], "sync"),
    /^routes\["GET \/x"\] in heddle\.config\.ts: got the model "sync", .*expected --model sync/,
  );
  assert.match(told(sync, "threads"), /^routes\["GET \/x"\] .*got the model "threads" in a server with --model sync/);
  assert.equal(resolved({ argv: sync, file: { routes: { "/x": { model: "sync" } } } }).routes["/x"]!.model, "sync");
});
