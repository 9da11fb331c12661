import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createLog, type Log, type LogOptions } from "../../src/log/log.ts";

/** A log into a file, and the lines in it. */
function logInto(
  t: TestContext,
  options: Partial<LogOptions>,
  ...make: readonly (() => never)[]
): { log: Log; lines: () => Record<string, unknown>[] } {
  const folder = mkdtempSync(join(tmpdir(), "heddle-log-"));
  const path = join(folder, "log");
  const fd = openSync(path, "a");
  t.after(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const log = createLog({ format: "json", level: "info", base: { pid: 7 }, ...options, fd }, ...make);
  const lines = (): Record<string, unknown>[] =>
    readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log, lines };
}

function unloadable(): never {
  throw new Error("EMFILE: too many open files");
}

test("a line has its level, time, base, fields and message, with pino and without it", (t) => {
  const withPino = logInto(t, {});
  const without = logInto(t, {}, unloadable);
  for (const { log } of [withPino, without]) {
    log.debug({ n: 0 }, "not wanted");
    log.warn({ n: 1, err: { code: "X" } }, "watch out");
    log.error({}, "over");
  }
  const plain = without.lines();
  const reason = "pino could not be loaded: EMFILE: too many open files";
  assert.deepEqual(
    plain.map((line) => ({ ...line, time: 0 })),
    withPino.lines().map((line) => ({ ...line, time: 0, log: reason })),
  );
  for (const { time } of plain) assert.ok(Math.abs(Number(time) - Date.now()) < 60_000);
});

test("levels below the log's are not written without pino either", (t) => {
  const silent = logInto(t, { level: "silent" }, unloadable);
  silent.log.error({}, "over");
  assert.deepEqual(silent.lines(), []);
  const trace = logInto(t, { level: "trace" }, unloadable);
  trace.log.debug({}, "detail");
  assert.equal(trace.lines().length, 1);
});

test("pino is tried again with the next line", (t) => {
  let tries = 0;
  const { log } = logInto(t, {}, () => {
    tries++;
    return unloadable();
  });
  log.info({}, "one");
  log.info({}, "two");
  assert.equal(tries, 2);
});
