#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: a client that closes its sending side behind its request is answered by node:http if the handler answers in the same
#   turn of the event loop, and gets nothing if it answers a moment later; for the handler nothing distinguishes the two.
# Expected: an answer in both cases (TCP allows half-closed connections, and HTTP/1.1 needs nothing more from this client), or in none.
# Who meets it: clients of the kind `printf 'GET …' | nc -N`, old health checks, and whoever makes a handler async.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
cat > see.mjs <<'JS'
import http from "node:http";
import net from "node:net";
const server = http.createServer((req, res) => {
  if (req.url === "/at-once") res.end("answer");
  else setTimeout(() => res.end("answer"), 50);
});
const ask = (path) =>
  new Promise((resolve) => {
    const client = net.connect({ port: server.address().port, host: "127.0.0.1", allowHalfOpen: true });
    client.end(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    let got = "";
    client.on("data", (part) => (got += part));
    client.on("close", () => resolve(got === "" ? "nothing" : got.slice(0, 15)));
    client.on("end", () => client.destroy());
  });
server.listen(0, "127.0.0.1", async () => {
  console.log(`at once: ${await ask("/at-once")}; after 50 ms: ${await ask("/later")}`);
  process.exit();
});
JS
seen=$(timeout 20 node_modules/.bin/node see.mjs)
echo "$seen"
[ "$seen" = "at once: HTTP/1.1 200 OK; after 50 ms: nothing" ]
