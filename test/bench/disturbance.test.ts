import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { disturbance, parseCpuLine, readCpu } from "../../bench/harness/disturbance.ts";

describe("what disturbed a measurement", () => {
  it("reads busy and stolen time, without interrupts", () => {
    const reading = parseCpuLine("cpu  1000 100 300 5000 50 20 30 500 0 0\ncpu0 1 1 1 1\n");
    assert.deepEqual(reading, { total: 70, busy: 14, steal: 5 });
  });

  it("blames others for what neither the benchmark nor the server used", () => {
    const before = { total: 100, busy: 50, steal: 1, own: 10 };
    const after = { total: 120, busy: 66, steal: 2, own: 24 };
    assert.deepEqual(disturbance(before, after), { stealPercent: 5, othersPercent: 10 });
  });

  it("counts a child that has ended as the benchmark's own", () => {
    const before = readCpu([]);
    spawnSync(process.execPath, ["-e", "while (process.cpuUsage().user < 300_000);"]);
    assert.ok(readCpu([]).own - before.own > 0.05);
  });
});
