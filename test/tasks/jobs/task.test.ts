import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { HeddleError, unpackThrown, type WireThrown } from "../../../src/errors/errors.ts";
import { findTask, isTask, refOf, resolveTask, task } from "../../../src/tasks/jobs/task.ts";
import { double, fail } from "../../fixtures/tasks/plain.ts";

const fixture = (name: string): string => new URL(`../../fixtures/tasks/${name}.ts`, import.meta.url).href;

const local = task(import.meta.url, "local", (a: number, b: number) => a + b);

test("a task called runs here and gives a promise, also when its function throws", async () => {
  assert.equal(await local(1, 2), 3);
  assert.equal(await double(4), 8);
  await assert.rejects(fail(), new TypeError("failed"));
});

test("a task knows its module, its name and its function, and its address can be cloned", () => {
  assert.deepEqual([local.url, local.name], [import.meta.url, "local"]);
  assert.equal(local.fn(1, 2), 3);
  assert.deepEqual(structuredClone(refOf(double)), { url: fixture("plain"), name: "double" });
  assert.deepEqual([isTask(local), isTask(() => {}), isTask(undefined)], [true, false, false]);
});

test("a task that is registered is found without an import", async () => {
  assert.equal(findTask(import.meta.url, "local"), local);
  assert.equal(findTask(import.meta.url, "remote"), undefined);
  assert.equal(await resolveTask(import.meta.url, "local"), local);
});

test("what is wrong with a definition is told", () => {
  const wrong = (...args: readonly unknown[]): unknown => Reflect.apply(task as () => unknown, undefined, args);
  const invalid = (message: RegExp) => (error: unknown) =>
    error instanceof HeddleError && error.code === "TASK_INVALID" && message.test(error.message);
  assert.throws(() => wrong("./task.ts", "name", () => {}), invalid(/URL of its module first, and got "\.\/task\.ts"/));
  assert.throws(() => wrong(undefined, "name", () => {}), invalid(/got undefined/));
  assert.throws(() => wrong(import.meta.url, "", () => {}), invalid(/needs a name, and task\(\) in file:.* got ""/));
  assert.throws(() => wrong(import.meta.url, () => {}), invalid(/got function/));
  assert.throws(
    () => wrong(import.meta.url, "nothing"),
    invalid(/"nothing" of file:.* needs a function, and got undef/),
  );
});

test("a second task of the same name in a module is refused, and the first stays", () => {
  assert.throws(() => task(import.meta.url, "local", () => {}), { code: "TASK_DUPLICATE" });
  assert.equal(findTask(import.meta.url, "local"), local);
});

let thread: Worker;
before(() => {
  thread = new Worker(new URL("../../fixtures/tasks/resolve-thread.ts", import.meta.url));
});
after(() => thread.terminate());

type Answer = { readonly value?: unknown; readonly thrown?: WireThrown; readonly warning?: string };

async function there(url: string, name: string, ...args: readonly unknown[]): Promise<unknown> {
  thread.postMessage({ url, name, args }, []);
  const [answer] = (await once(thread, "message")) as [Answer];
  if (answer.thrown !== undefined) throw unpackThrown(answer.thrown);
  return answer.value;
}

test("another thread imports the task's module and runs the task", async () => {
  assert.equal(await there(double.url, "double", 21), 42);
  assert.equal(await there(double.url, "double", 22), 44, "again, without an import");
});

test("a task is found while its module still waits at its top level", async () => {
  assert.equal(await there(fixture("waiting"), "early", 1), 2);
});

test("a module that fails after its task was defined is told as a warning, and the task runs", async () => {
  const heard: Answer[] = [];
  const both = new Promise<void>((resolve) => {
    thread.on("message", (answer: Answer) => {
      if (heard.push(answer) === 2) resolve();
    });
  });
  thread.postMessage({ url: fixture("failing"), name: "found", args: [] }, []);
  await both;
  thread.removeAllListeners("message");
  assert.deepEqual(heard.map(({ value }) => value).filter(Boolean), ["found"]);
  assert.match(heard.find(({ warning }) => warning !== undefined)!.warning!, /failing\.ts failed .*: the module broke/);
});

test("a task its module lacks because the module failed names that as the cause", async () => {
  await assert.rejects(there(fixture("failing"), "lost"), (error: HeddleError) => {
    assert.equal(error.code, "TASK_MODULE_FAILED");
    assert.match(error.message, /the task "lost" cannot run on this thread: its module file:.*failing\.ts cannot be/);
    assert.equal((error.cause as Error).message, "the module broke");
    return true;
  });
});

test("a module that is not there is told", async () => {
  await assert.rejects(there(fixture("missing"), "any"), { code: "TASK_MODULE_FAILED", message: /Cannot find module/ });
});

test("a task its module does not define is told, with what it does define and the nearest name", async () => {
  await assert.rejects(there(double.url, "dobule"), {
    code: "TASK_NOT_FOUND",
    message: /plain\.ts defines only "double", "fail" here\.$/,
    hint: 'Did you mean "double"?',
  });
  await assert.rejects(there("data:text/javascript,", "any"), { code: "TASK_NOT_FOUND", message: /defines no tasks/ });
});
