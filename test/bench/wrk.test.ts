import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseSmapsRollup } from "../../bench/harness/memory.ts";
import { parseWrk } from "../../bench/harness/wrk.ts";

const GOOD = `Running 5s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   811.30us    1.20ms  41.02ms   95.31%
    Req/Sec    78.20k     5.11k   84.00k    82.00%
  Latency Distribution
     50%  640.00us
     75%    0.85ms
     90%    1.19ms
     99%    4.71ms
  389012 requests in 5.01s, 62.33MB read
Requests/sec:  77647.10
Transfer/sec:     12.44MB
`;

const BAD = `Running 10s test @ http://127.0.0.1:8000/
  1 threads and 10000 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.02s   210.11ms   1.01m    71.00%
    Req/Sec     8.10k     1.11k    9.00k    62.00%
  Latency Distribution
     50%    1.00s
     75%    1.02s
     90%    1.10s
     99%    2.40s
  80123 requests in 10.10s, 11.00MB read
  Socket errors: connect 3, read 17, write 1, timeout 240
  Non-2xx or 3xx responses: 12
Requests/sec:   7932.97
Transfer/sec:      1.09MB
`;

describe("the reader of wrk's output", () => {
  it("reads counts, rate and latencies in their various units", () => {
    assert.deepEqual(parseWrk(GOOD), {
      requests: 389012,
      requestsPerSecond: 77647.1,
      latencyMs: { mean: 811.3 * 0.001, p50: 0.64, p90: 1.19, p99: 4.71, max: 41.02 },
      errors: { connect: 0, read: 0, write: 0, timeout: 0 },
      non2xx: 0,
    });
  });

  it("reads errors, refusals by status, seconds and minutes", () => {
    const result = parseWrk(BAD);
    assert.deepEqual(result.errors, { connect: 3, read: 17, write: 1, timeout: 240 });
    assert.equal(result.non2xx, 12);
    assert.equal(result.latencyMs.p99, 2400);
    assert.equal(result.latencyMs.max, 60_600);
  });

  it("refuses what isn't wrk's output instead of reporting zeros", () => {
    assert.throws(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused\n"), /not wrk's output/);
  });
});

describe("the reader of smaps_rollup", () => {
  it("takes resident and proportional set size", () => {
    const text =
      "00400000-7ffd Rollup\nRss:               72456 kB\nPss:               31020 kB\nPss_Dirty:         100 kB\n";
    assert.deepEqual(parseSmapsRollup(text), { rssKiB: 72456, pssKiB: 31020 });
  });

  it("knows a process that is gone", () => {
    assert.equal(parseSmapsRollup(""), undefined);
  });
});
