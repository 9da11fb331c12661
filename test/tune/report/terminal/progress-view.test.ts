import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lookOf } from "../../../../src/tune/report/terminal/look.ts";
import { type Progress, ProgressView, viewOf } from "../../../../src/tune/report/terminal/progress-view.ts";
import { saturated } from "../fixtures/results.ts";
import { Screen } from "../support/screen.ts";

const ENV = { LANG: "C.UTF-8", TERM: "xterm", NO_COLOR: "1" };

const first: Progress = {
  stage: "measuring loop, 1 worker × 2 threads",
  level: 8,
  throughput: 790,
  p95Ms: 11.4,
  secondsLeft: 125,
  done: 0.25,
};

function viewOn(screen: Screen): ProgressView {
  return new ProgressView(screen, lookOf(screen, ENV));
}

test("on a terminal the view is drawn again in place", () => {
  const screen = new Screen();
  const view = viewOn(screen);
  try {
    view.show(first);
    view.show({ ...first, level: 16, done: 0.5, secondsLeft: 60 });
    assert.equal(screen.lines[0], "measuring loop, 1 worker × 2 threads · 16 in flight · 790/s · p95 11.4 ms");
    assert.match(screen.lines[1]!, /^━{24}─{24} 50 % · 1 min left$/);
    assert.deepEqual(screen.lines.slice(2), [""]);
    view.show({ stage: "short" });
    assert.deepEqual(screen.lines, ["short", ""]);
  } finally {
    view.end();
  }
});

test("the chart of what has been measured is above it, and grows in place", () => {
  const screen = new Screen();
  const view = viewOn(screen);
  try {
    view.show({ ...first, levels: saturated.levels.slice(0, 4) });
    const before = screen.lines.length;
    assert.ok(
      screen.lines.every((line) => !line.includes("Knee")),
      "there is no estimate yet",
    );
    view.show({ ...first, levels: saturated.levels, knee: saturated.knee });
    assert.equal(screen.lines.length, before);
    assert.equal(screen.lines.filter((line) => line.includes("answers per second")).length, 1);
    assert.ok(screen.lines.some((line) => line.includes("Knee: 34 in flight")));
  } finally {
    view.end();
  }
});

test("no line is as wide as the terminal, and all of them fit on it, however small it is", () => {
  for (const [columns, rows] of [
    [40, 10],
    [60, 16],
    [80, 24],
    [200, 60],
  ] as const) {
    const look = { ...lookOf(new Screen(columns, rows), ENV), columns, rows };
    const lines = viewOf({ ...first, stage: "a stage with a long name ".repeat(6), levels: saturated.levels }, look);
    assert.ok(lines.length < rows, `${lines.length} of ${rows}`);
    for (const line of lines) assert.ok(line.length < columns, line);
  }
});

test("a terminal that becomes narrower is drawn narrower", () => {
  const screen = new Screen(80);
  const view = viewOn(screen);
  try {
    view.show(first);
    screen.columns = 50;
    view.show(first);
    assert.ok(screen.lines.every((line) => line.length < 50));
  } finally {
    view.end();
  }
});

test("the end takes the view away and gives the cursor back, once", () => {
  const screen = new Screen();
  const view = viewOn(screen);
  view.show(first);
  assert.equal(screen.isCursorShown, false);
  view.end();
  assert.equal(screen.isCursorShown, true);
  assert.deepEqual(screen.lines, [""]);
  const { written } = screen;
  view.end();
  assert.equal(screen.written, written);
});

test("no listener is left behind", () => {
  const count = (): number[] => ["exit", "SIGINT", "SIGTERM", "SIGHUP"].map((name) => process.listenerCount(name));
  const before = count();
  const view = viewOn(new Screen());
  view.show(first);
  view.show(first);
  view.end();
  assert.deepEqual(count(), before);
});

test("what is said stays above the view", () => {
  const screen = new Screen();
  const view = viewOn(screen);
  try {
    view.show(first);
    view.say("the generator reached 38,200/s");
    view.show(first);
    assert.equal(screen.lines[0], "the generator reached 38,200/s");
    assert.match(screen.lines[1]!, /^measuring/);
  } finally {
    view.end();
  }
});

test("in a pipe each stage and level is a line, without escape sequences", () => {
  const lines: string[] = [];
  const view = new ProgressView({ write: (line: string) => lines.push(line) }, lookOf({}, ENV));
  view.show({ stage: "measuring the load generator itself" });
  view.show(first);
  view.show({ ...first, throughput: 800 });
  view.show({ ...first, level: 16 });
  view.end();
  assert.deepEqual(lines, [
    "measuring the load generator itself\n",
    "measuring loop, 1 worker × 2 threads · 8 in flight · 790/s · p95 11.4 ms · 2 min 5 s left\n",
    "measuring loop, 1 worker × 2 threads · 16 in flight · 790/s · p95 11.4 ms · 2 min 5 s left\n",
  ]);
});

test("a stage's name cannot move the cursor", () => {
  const screen = new Screen();
  const view = viewOn(screen);
  try {
    view.show({ stage: "\u001b[2J\n\u001b[9A" });
    assert.ok(!screen.written.includes("\u001b[2J"));
    assert.equal(screen.lines.length, 2);
  } finally {
    view.end();
  }
});

const SIGNALLED = fileURLToPath(new URL("./signalled-view.ts", import.meta.url));
const SHOW_CURSOR = "\u001b[?25h";

async function signalled(mode: string, signal: NodeJS.Signals) {
  const child = spawn(process.execPath, [SIGNALLED, mode], { stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
  const whole = text(child.stdout);
  await once(child.stdout, "readable");
  child.kill(signal);
  const [code, by] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { code, by, written: await whole };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} gives the cursor back and ends the process as it would have without the view`, async () => {
    const { by, written } = await signalled("alone", signal);
    assert.equal(by, signal);
    assert.ok(written.endsWith(SHOW_CURSOR), JSON.stringify(written.slice(-40)));
  });
}

test("a signal that the program handles gives the cursor back and leaves the ending to the program", async () => {
  const { code, written } = await signalled("handled", "SIGINT");
  assert.equal(code, 7);
  assert.ok(written.endsWith(`${SHOW_CURSOR}handled\n`), JSON.stringify(written.slice(-40)));
});

test("an exit in the middle gives the cursor back", async () => {
  const child = spawn(process.execPath, [SIGNALLED, "exit"], { stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
  assert.ok((await text(child.stdout)).endsWith(SHOW_CURSOR));
});
