import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { loadNative } from "../../../src/platform/native.ts";
import { allowedCpus, parseCpuList, parseCpuTime, pin, stealShare } from "../../../src/tune/load/cpus.ts";

const isLinux = process.platform === "linux";

describe("the machine's cores", () => {
  it("are read from a list of ranges", () => {
    assert.deepEqual(parseCpuList("0-3,8"), [0, 1, 2, 3, 8]);
    assert.deepEqual(parseCpuList("5"), [5]);
  });

  it("are pinned for all threads of a process", { skip: !isLinux }, async () => {
    await loadNative();
    const source = `const { Worker } = require("worker_threads");
      new Worker("setInterval(() => {}, 1000)", { eval: true }).on("online", () => console.log("online"));`;
    const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(child.stdout, "data");
      const cpu = allowedCpus().at(-1)!;
      assert.equal(pin(child.pid!, [cpu]), true);
      const threads = readdirSync(`/proc/${child.pid}/task`);
      assert.ok(threads.length > 2);
      for (const thread of threads) {
        const status = readFileSync(`/proc/${child.pid}/task/${thread}/status`, "latin1");
        assert.equal(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1], String(cpu));
      }
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("aren't pinned for a process that is gone, or to none", { skip: !isLinux }, async () => {
    const child = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
    await once(child, "exit");
    assert.equal(pin(child.pid!, allowedCpus()), false);
    assert.equal(pin(process.pid, []), false);
  });
});

describe("what the hypervisor took", () => {
  it("is a share of all CPU time between two readings", () => {
    const before = parseCpuTime("cpu  100 0 100 700 0 0 0 100 50 0\ncpu0 1 2 3\n");
    assert.deepEqual(before, { total: 1000, steal: 100 });
    const after = parseCpuTime("cpu  150 0 150 1480 10 5 5 200 60 0\n");
    assert.equal(stealShare(before, after), 0.1);
  });

  it("is none where the system does not tell, or no time has passed", () => {
    assert.equal(stealShare(undefined, undefined), 0);
    assert.equal(stealShare({ total: 5, steal: 1 }, { total: 5, steal: 1 }), 0);
  });
});
