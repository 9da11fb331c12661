import assert from "node:assert/strict";
import { once } from "node:events";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { blamedFrame, lookAtThread, MAX_FRAMES, type StackFrame } from "../../../src/supervise/inspect/thread-stack.ts";
import { tempFolder, until } from "../../server/arbiter/support.ts";
import type { Orders } from "./blocked-thread.ts";

const file = new URL("./blocked-thread.ts", import.meta.url);
const PATIENCE_MS = 30_000;

interface BlockedThread {
  readonly id: number;
  /** Resolves to its `stackTraceLimit` and a stack of its own when it has gone on. */
  goOn(): Promise<unknown>;
}

async function block(t: TestContext, way: Orders["way"], pipe = ""): Promise<BlockedThread> {
  const [blocked, released] = [new Int32Array(new SharedArrayBuffer(4)), new Int32Array(new SharedArrayBuffer(4))];
  const worker = new Worker(file, { workerData: { way, blocked, released, pipe } satisfies Orders });
  t.after(() => worker.terminate());
  await until(() => Atomics.load(blocked, 0) === 1, "the thread to block");
  return {
    id: worker.threadId,
    goOn: async () => {
      const told = once(worker, "message");
      Atomics.store(released, 0, 1);
      return (await told)[0];
    },
  };
}

/** Without those of the runtime: the loop may be caught in the very call that looks whether it may go on. */
async function framesOf({ id }: BlockedThread): Promise<readonly StackFrame[]> {
  const stack = await lookAtThread(id, "undefined", PATIENCE_MS);
  return stack!.frames.filter(({ location }) => location.startsWith("/"));
}

test("a blocked thread shows where it is, and goes on as if nobody had looked", async (t) => {
  const thread = await block(t, "spin");
  const frames = await framesOf(thread);
  assert.equal(frames[0]!.functionName, "spin");
  const [, path, line] = /^(.*):(\d+):\d+$/.exec(frames[0]!.location)!;
  assert.equal(path, file.pathname);
  assert.match(lineOf(Number(line)), /Atomics\.load\(released, 0\) === 0/);
  const [, start] = /:(\d+):\d+$/.exec(frames[0]!.functionStart)!;
  assert.match(lineOf(Number(start)), /^function spin/);
  assert.deepEqual(await thread.goOn(), [7, "the app's own"], "what the app has set of Error is as it was");
});

test("a deep recursion shows its innermost frames, so that looking costs the same as ever", async (t) => {
  const frames = await framesOf(await block(t, "deep"));
  assert.ok(frames.length <= MAX_FRAMES && frames.length >= MAX_FRAMES - 2, String(frames.length));
  assert.equal(frames[0]!.functionName, "spin");
  assert.ok(frames.slice(1).every(({ functionName }) => functionName === "deeper"));
});

test("functions that only await are not in the stack, for they block nothing", async (t) => {
  const names = (await framesOf(await block(t, "after an await"))).map(({ functionName }) => functionName);
  assert.deepEqual(names.slice(0, 2), ["spin", "inner"]);
  assert.ok(!names.includes("outer"));
});

test("a thread in a native call answers when that returns, and till then holds up no look at another", async (t) => {
  const pipe = join(tempFolder(t), "pipe");
  execFileSync("mkfifo", [pipe]);
  const [reading, spinning] = await Promise.all([block(t, "in a native call", pipe), block(t, "spin")]);
  const looking = framesOf(reading);
  try {
    assert.equal((await framesOf(spinning))[0]!.functionName, "spin");
  } finally {
    writeFileSync(pipe, "x");
  }
  assert.ok((await looking).some(({ functionName }) => functionName === "read"));
});

test("the app's own code is blamed before a package's, and a package's before the runtime's", () => {
  const frame = (location: string): StackFrame => ({ functionName: "f", location, functionStart: location });
  const [native, node, own] = [frame("native"), frame("node:fs:1:1"), frame("/heddle/src/a.ts:1:1")];
  const [packaged, app] = [frame("/app/node_modules/x/i.js:1:1"), frame("/app/a.ts:1:1")];
  const blamed = (...frames: StackFrame[]): StackFrame | undefined => blamedFrame(frames, "/heddle/src/");
  assert.equal(blamed(native, node, own, packaged, app), app);
  assert.equal(blamed(native, node, own, packaged), packaged);
  assert.equal(blamed(native, node, own), undefined);
});

test("where Node allows no inspector, that is said once, and nothing can be seen", async () => {
  const module = new URL("../../../src/supervise/inspect/thread-stack.ts", import.meta.url).href;
  const program = `
    const { lookAtThread } = await import(${JSON.stringify(module)});
    console.log(await lookAtThread(1, "1", 1000), await lookAtThread(1, "1", 1000));`;
  const args = ["--permission", "--allow-fs-read=*", "--input-type=module", "--eval", program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  assert.equal(stdout, "undefined undefined\n");
  assert.equal(stderr.match(/\[THREADS_OPAQUE\].* cannot be inspected: .*--allow-inspector/g)?.length, 1, stderr);
});

function lineOf(number: number): string {
  return readFileSync(file, "utf8").split("\n")[number - 1]!;
}

test("a thread that is ended while somebody looks answers with V8's word for it, which is no stack", async (t) => {
  const { id } = await block(t, "spin");
  assert.equal(await lookAtThread(id, `(() => { throw "illegal access"; })()`, PATIENCE_MS), undefined);
});
