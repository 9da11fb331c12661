/**
 * Ten thousand conversations on one event loop, a runaway every second for a minute: does anybody else lose anything?
 *
 *     node bench/runaways.ts [--clients 10000] [--seconds 60] [--threads 1] [--budget 200] [--ways handler,timer,message] [--part 2000]
 *
 * `--part`: a conversation waits about three times so many milliseconds. Ten thousand at 60 ms would be 50,000 requests a second: then the
 * run shows only that a server that has too much to do answers late, and calls end by their timeouts.
 *
 * Each conversation is a request that waits in one of seven ways (for a message, a call, a timer, a fetch, through several promises, in
 * an AsyncLocalStorage, in a stream) and is asked again when it has answered. Exits with 1 if an answer was wrong or missing, if a runaway was not
 * answered 503, or if a process or thread was replaced. It is a proof rather than a measurement: nothing is compared.
 */

import { parseArgs } from "node:util";
import { converse, startBackend } from "../test/support/conversations.ts";
import { startServer } from "../test/support/server.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "10000" },
    seconds: { type: "string", default: "60" },
    threads: { type: "string", default: "1" },
    budget: { type: "string", default: "200" },
    ways: { type: "string", default: "handler,timer,message" },
    part: { type: "string", default: "2000" },
  },
});

const app = new URL("../test/fixtures/runaways/app.ts", import.meta.url).pathname;
const EVERY_MS = 1000;

await using backend = await startBackend();
await using server = await startServer(
  app,
  [
    ["--model", "actors", "--workers", "1", "--threads", values.threads],
    ["--runaway-budget", `${values.budget}ms`, "--blocked-threshold", "1m", "--timeout", "5m"],
    ["--limit", "0", "--keep-alive", "10m", "--limit-keep-alive", "0", "--log-format", "json"],
  ].flat(),
  { env: { BACKEND: backend.url, PART_MS: values.part } },
);
const beganMs = performance.now();
const { answers, faults, runaways, slowestMs } = await converse({
  url: server.url,
  talks: ["receive", "call", "timer", "fetch", "hops", "als", "stream"],
  clients: Number(values.clients),
  ways: values.ways.split(","),
  rounds: Number(values.seconds),
  everyMs: EVERY_MS,
});
const seconds = Math.round((performance.now() - beganMs) / 1000);

const replaced = /is replaced|was killed|died|exited/.exec(server.stderr());
const spared = Object.entries(runaways).filter(([, statuses]) => statuses.some((status) => status !== 503));
console.log(`${values.clients} conversations, ${values.seconds} runaways, ${seconds} s`);
console.table({ "right answers": answers });
console.table(Object.fromEntries(Object.entries(runaways).map(([way, statuses]) => [way, countOf(statuses)])));
console.log(`the slowest answer: ${(slowestMs / 1000).toFixed(1)} s`);
console.log(`lost or wrong: ${faults.length}`);
for (const fault of faults.slice(0, 20)) console.log(`  ${fault}`);
if (replaced !== null) console.log(`something was replaced: ${replaced[0]}`);
if (faults.length > 0 || replaced !== null || spared.length > 0) process.exitCode = 1;

function countOf(statuses: readonly (number | string)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
