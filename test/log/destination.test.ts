import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import { test, type TestContext } from "node:test";
import { MAX_WAITING_BYTES, openDestination } from "../../src/log/destination.ts";

const { pino } = createRequire(import.meta.url)("pino") as typeof import("pino");

/** A descriptor that fails while `broken` says so, and what was written to it. */
function faulty(t: TestContext): { broken: string | undefined; written: string } {
  const device = { broken: undefined as string | undefined, written: "" };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  t.mock.method(fs, "writeSync", (_fd: number, text: string | Buffer) => {
    if (device.broken !== undefined) throw Object.assign(new Error(device.broken), { code: device.broken });
    device.written += text.toString();
    return Buffer.byteLength(text);
  });
  return device;
}

for (const bufferBytes of [0, 4096]) {
  const how = bufferBytes === 0 ? "at once" : "collected";
  test(`lines written ${how} wait while they can't be written, and come in order`, (t) => {
    const device = faulty(t);
    const told: unknown[] = [];
    const destination = openDestination(pino, { fd: 1, bufferBytes, onLost: (...args) => told.push(args) });
    destination.write("one\n");
    destination.flush();
    assert.equal(device.written, "one\n");
    device.broken = "ENOSPC";
    destination.write("two\n");
    destination.flush();
    destination.write("three\n");
    destination.flush();
    assert.equal(device.written, "one\n");
    device.broken = undefined;
    destination.write("four\n");
    destination.flush();
    assert.equal(device.written, "one\ntwo\nthree\nfour\n");
    assert.deepEqual(told, []);
  });
}

test("what waits is written when it works again, without another line", (t) => {
  const device = faulty(t);
  const destination = openDestination(pino, { fd: 1, bufferBytes: 0, onLost: () => {} });
  device.broken = "EIO";
  destination.write("one\n");
  t.mock.timers.tick(1000);
  assert.equal(device.written, "");
  device.broken = undefined;
  t.mock.timers.tick(1000);
  assert.equal(device.written, "one\n");
  t.mock.timers.tick(10_000);
  assert.equal(device.written, "one\n");
});

test("no more than so much waits, and the log says how many lines are missing", (t) => {
  const device = faulty(t);
  const destination = openDestination(pino, {
    fd: 1,
    bufferBytes: 0,
    onLost: (lines, why) => destination.write(`${lines} lost: ${why}\n`),
  });
  device.broken = "ENOSPC";
  const line = `${"x".repeat(1023)}\n`;
  const fitting = MAX_WAITING_BYTES / line.length;
  for (let i = 0; i < fitting + 5; i++) destination.write(line);
  device.broken = undefined;
  destination.flush();
  assert.equal(device.written, `${line.repeat(fitting)}5 lost: ENOSPC\n`);
});

test("lines for a reader that has gone go nowhere", (t) => {
  const device = faulty(t);
  const destination = openDestination(pino, { fd: 1, bufferBytes: 0, onLost: () => {} });
  device.broken = "EPIPE";
  destination.write("one\n");
  device.broken = undefined;
  destination.write("two\n");
  destination.flush();
  assert.equal(device.written, "");
});

test("nothing is written by flushing what is empty", (t) => {
  const device = faulty(t);
  const destination = openDestination(pino, { fd: 1, bufferBytes: 4096, onLost: () => {} });
  device.broken = "ENOSPC";
  destination.flush();
  destination.write("one\n");
  device.broken = undefined;
  destination.flush();
  destination.flush();
  assert.equal(device.written, "one\n");
});
