import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { kernelBytesEach, parseSlabInfo, parseSockStat } from "../../bench/harness/kernel-memory.ts";
import { parseJavacVersion } from "../../bench/peers/jdk.ts";

const SLABS = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
TCPv6                 52    104   2496   13    8 : tunables    0    0    0 : slabdata      8      8      0
TCP                    3    247   2368   13    8 : tunables    0    0    0 : slabdata     19     19      0
sock_inode_cache       2    570    832   19    4 : tunables    0    0    0 : slabdata     30     30      0
dentry           1659488 1659504    192   21    1 : tunables    0    0    0 : slabdata  79024  79024      0
`;

describe("the kernel's memory for sockets", () => {
  it("is that of the caches that sockets take objects from, and a directory entry for each", () => {
    assert.equal(parseSlabInfo(SLABS), 3 * 2368 + 2 * (832 + 192));
    assert.equal(parseSlabInfo(undefined), undefined);
    assert.equal(parseSlabInfo("another format"), undefined);
  });

  it("has the buffers of TCP, in pages", () => {
    const text = "sockets: used 182\nTCP: inuse 134 orphan 0 tw 1818 alloc 134 mem 7\nUDP: inuse 0 mem 3\n";
    assert.equal(parseSockStat(text), 7 * 4096);
  });

  it("is divided by the ends of the connections, and unknown if the caches are", () => {
    const before = { objectBytes: 1000, bufferBytes: 0 };
    assert.equal(kernelBytesEach(before, { objectBytes: 5000, bufferBytes: 4000 }, 4), 2000);
    assert.equal(kernelBytesEach(before, { objectBytes: undefined, bufferBytes: 0 }, 4), undefined);
  });
});

describe("the version of a JDK", () => {
  it("is what its compiler says", () => {
    assert.equal(parseJavacVersion("javac 25.0.3\n"), "25.0.3");
    assert.equal(parseJavacVersion("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njavac 1.8.0_402\n"), "1.8.0_402");
    assert.equal(parseJavacVersion("command not found"), undefined);
  });
});
