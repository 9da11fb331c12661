#!/usr/bin/env bash
# Runs: autocannon 9.0.0 on Node.js 26.10.0 (the npm package node@26.10.0), against a Node server that answers at once.
# Seen: --overallRate 500 with 100 connections is 500 requests in the first 50 to 150 ms of each second, as fast as the connections
#   can, and none in the rest of it. The server is measured with a queue of hundreds of requests, or, if it stalls later in each
#   second, not at all during its stall. The average rate that is told is 500, and the latencies are "corrected for coordinated omission".
# Expected: requests evenly spread over the second, 2 ms apart, as the rate options of hey, oha, k6 and wrk2 have it; or a word in the
#   documentation of the option.
# Who meets it: who measures latencies at a given rate. Beside a generator that spreads its requests the same server shows other
#   percentiles, in both directions.
# Date: 2026-11-30
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 autocannon@9.0.0 >/dev/null
node=$folder/node_modules/node/bin/node
cat > server.mjs <<'JS'
import { createServer } from "node:http";
const SLOT_MS = 50;
const SECONDS = 8;
const slots = new Array((SECONDS * 1000) / SLOT_MS).fill(0);
let startMs;
const server = createServer((request, response) => {
  if (request.url === "/slots") return response.end(JSON.stringify(slots));
  startMs ??= performance.now();
  const slot = Math.floor((performance.now() - startMs) / SLOT_MS);
  if (slot < slots.length) slots[slot]++;
  response.end("hello");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
setTimeout(() => process.exit(), 60_000);
JS
"$node" server.mjs > port & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
url="http://127.0.0.1:$(cat port)"
timeout 60 "$node" node_modules/autocannon/autocannon.js --json --overallRate 500 --connections 100 --duration 8 "$url/" > result.json 2>/dev/null
cat > judge.mjs <<'JS'
import { readFileSync } from "node:fs";
const { requests, errors, non2xx } = JSON.parse(readFileSync("result.json", "utf8"));
const slots = await (await fetch(`${process.argv[2]}/slots`)).json();
for (let at = 0; at < slots.length; at += 20) console.log(`second ${at / 20 + 1}, by 50 ms: ${slots.slice(at, at + 20).join(" ")}`);
const used = slots.filter((count) => count > 0).length;
console.log(`${used} of ${slots.length} slots had a request; ${errors + non2xx} requests failed`);
const keptRate = requests.average > 450 && requests.average < 600;
process.exitCode = keptRate && used > 0 && used < slots.length / 2 ? 0 : 1;
JS
timeout 10 "$node" judge.mjs "$url"
