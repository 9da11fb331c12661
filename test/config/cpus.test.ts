import assert from "node:assert/strict";
import { test } from "node:test";
import { availableCpus } from "../../src/config/config.ts";

function cpus(files: Readonly<Record<string, string>>, fallback = 8): number {
  return availableCpus((path) => files[path], fallback);
}

test("without cgroups and affinity, the CPUs are what the system says", () => {
  assert.equal(cpus({}), 8);
});

test("a cgroup v2 quota of one and a half CPUs counts as two", () => {
  const files = { "/proc/self/cgroup": "0::/app\n", "/sys/fs/cgroup/app/cpu.max": "150000 100000\n" };
  assert.equal(cpus(files), 2);
});

test("a cgroup v2 without a quota does not limit", () => {
  assert.equal(cpus({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" }), 8);
});

test("the tightest quota on the way up counts", () => {
  const files = {
    "/proc/self/cgroup": "0::/pod/app\n",
    "/sys/fs/cgroup/pod/app/cpu.max": "400000 100000\n",
    "/sys/fs/cgroup/pod/cpu.max": "300000 100000\n",
    "/sys/fs/cgroup/cpu.max": "max 100000\n",
  };
  assert.equal(cpus(files), 3);
});

test("a cgroup v1 quota is found beside other controllers, under either name of its mount", () => {
  const list = "12:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n";
  const quota = (mount: string): Record<string, string> => ({
    "/proc/self/cgroup": list,
    [`${mount}/cpu.cfs_quota_us`]: "250000\n",
    [`${mount}/cpu.cfs_period_us`]: "100000\n",
  });
  assert.equal(cpus(quota("/sys/fs/cgroup/cpu,cpuacct/docker/x")), 3);
  assert.equal(cpus(quota("/sys/fs/cgroup/cpu/docker/x")), 3);
});

test("a cgroup v1 quota is found at the mount's root, where a container sees it", () => {
  const files = {
    "/proc/self/cgroup": "4:cpu,cpuacct:/docker/of-the-host\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
  };
  assert.equal(cpus(files), 1);
});

test("a cgroup v1 quota of -1 does not limit, and cpuset is not taken for cpu", () => {
  const files = {
    "/proc/self/cgroup": "4:cpu:/\n5:cpuset:/\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpuset/cpu.cfs_quota_us": "100000\n",
    "/sys/fs/cgroup/cpuset/cpu.cfs_period_us": "100000\n",
  };
  assert.equal(cpus(files), 8);
});

test("the affinity caps a quota that is larger", () => {
  const files = {
    "/proc/self/status": "Name:\tnode\nCpus_allowed_list:\t0-2,8\n",
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/cpu.max": "900000 100000\n",
  };
  assert.equal(cpus(files, 16), 4);
});

test("here, there is at least one CPU", () => {
  assert.ok(availableCpus() >= 1);
});
