/** Programs that end because all their tasks are parked. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { reportOfParked } from "../../../src/tasks/jobs/parked-report.ts";

/** A frame of the fixture. */
function at(line: string): string {
  const number =
    readFileSync(path, "utf8")
      .split("\n")
      .findIndex((each) => each.includes(line)) + 1;
  assert.notEqual(number, 0, line);
  return String.raw`.*main\.ts:${number}:\d+\)?$`;
}

const path = new URL("../../fixtures/tasks/parked/main.ts", import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string): Promise<Ended> {
  return new Promise((resolve) => {
    // The timeout is patience: it ends a program that hangs, without a code.
    execFile(process.execPath, [path, program], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe("a program that ends because its tasks are parked says so, and its code is 2:", () => {
  test("the tasks of a kind, what they wait for, where they are parked and were started", async () => {
    const { code, stdout, stderr } = await run("workers");
    assert.equal(stdout, "main is over\n");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^heddle: DEADLOCK: the program ends, because its 3 tasks are parked and nothing is left/);
    assert.match(stderr, /^ {2}the task "worker" × 3: receive, for \d+ m?s, on thread 0$/m);
    assert.match(stderr, new RegExp(`^ {4}parked at worker \\(${at("for await (const job of jobs)")}`, "m"));
    assert.match(stderr, new RegExp(`^ {4}started at ${at("i < 3; i++")}`, "m"));
    assert.match(stderr, /call unref\(\) on its handle/);
  });

  test("the main program beside its tasks", async () => {
    const { code, stderr } = await run("main and a task");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /because it and its task are parked and nothing is left that could wake them\.$/m);
    assert.match(stderr, /^ {2}the main program: mutex$/m);
    assert.match(stderr, new RegExp(`^ {4}parked at locksTwice \\(${at("// for ever")}`, "m"));
  });

  test("tasks that wait for each other", async () => {
    const { code, stderr } = await run("both await each other");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^ {2}the task "first": receive/m);
    assert.match(stderr, /^ {2}the task "second": select/m);
    assert.match(stderr, new RegExp(`parked at second \\(${at("await select([receiveFrom(b)])")}`, "m"));
  });

  test("a task that waits for several things, of which one never comes", async () => {
    const { code, stderr } = await run("two at once");
    assert.equal(code, 2, stderr);
    assert.match(stderr, /its 3 tasks are parked/);
    for (const [task, where, line] of [
      ["firstComes", "receive", "// never comes"],
      ["secondComes", "receive", "// does not come"],
      ["ofSelects", "select", "// all"],
    ] as const) {
      assert.match(
        stderr,
        new RegExp(`^ {2}the task "${task}": ${where}, for .*\n( {4}.*\n)?.*parked at ${task} \\(${at(line)}`, "m"),
      );
    }
  });

  for (const program of ["far", "far, its channel far away"]) {
    test(`a task of another thread (${program})`, async () => {
      const { code, stderr } = await run(program);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /^ {2}the task "waitsFar": receive, for .*, on thread 1$/m);
      assert.match(stderr, new RegExp(`^ {4}parked at ${at("await channel.receive()")}`, "m"));
      assert.match(
        stderr,
        new RegExp(`^ {4}started at ${at(program === "far" ? "await go(waitsFar" : "group.go(waitsFar")}`, "m"),
      );
    });
  }

  for (const program of ["main", "cancelled, but awaited"]) {
    test(`not the main program alone: Node reports its top-level await (${program})`, async () => {
      const { code, stderr } = await run(program);
      assert.equal(code, 13, stderr);
      assert.match(stderr, /unsettled top-level await/);
      assert.doesNotMatch(stderr, /DEADLOCK/);
    });
  }

  test("not what code outside of tasks has left behind", async () => {
    const { code, stderr } = await run("left behind");
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("but an exit code of its own stays", async () => {
    const { code, stderr } = await run("own exit code");
    assert.equal(code, 5, stderr);
    assert.match(stderr, /DEADLOCK/);
  });
});

describe("the program's listeners of beforeExit are called once at the end,", () => {
  for (const [program, ends] of [
    ["counts ends", 1],
    ["counts ends, far", 1],
    ["counts ends, nobody parked", 1],
    ["counts ends, and works", 3],
  ] as const) {
    test(`and again only if they have begun something: ${program}`, async () => {
      const { code, stdout, stderr } = await run(program);
      assert.equal(stdout, "the end\n".repeat(ends));
      assert.equal(code, program.endsWith("nobody parked") ? 0 : 2, stderr);
    });
  }
});

describe("a program may mean to end while tasks are parked:", () => {
  for (const program of [
    "unref",
    "unref while it runs",
    "cancelled",
    "exit",
    "sleeps for ever",
    "sleeps beside a wait",
    "only begun",
    "listener wakes",
    "listener sends",
    "other work",
  ]) {
    test(program, async () => {
      const { code, stderr } = await run(program);
      assert.equal(stderr, "");
      assert.equal(code, 0);
    });
  }
});

test("the report has an entry for each kind of task, and not too many", () => {
  const parked = Array.from({ length: 60 }, (_, index) => ({
    id: `0.${index}`,
    name: `task ${index}`,
    thread: 0,
    where: "receive",
    isCanceled: false,
    forMs: 1500,
    startedAt: undefined,
    parkedAt: [],
  }));
  const report = reportOfParked([...parked, { ...parked[0]!, id: "0.99" }]);
  assert.match(report, /its 61 tasks are parked/);
  assert.match(report, /the task "task 0" × 2: receive, for 1\.5 s, on thread 0\n/);
  assert.match(report, /… and 10 more kinds/);
});
