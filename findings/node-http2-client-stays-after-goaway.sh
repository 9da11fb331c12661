#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: an http2 client whose last stream ends in the same packet as a GOAWAY (NO_ERROR) marks its session as closed, and never closes it:
#   no "close" event, the socket stays open. It does not answer a PING of that packet either. If the stream ends an instant later than
#   the GOAWAY, the session closes at once.
# Expected: a closed session without streams closes its socket, whichever of the two came first.
# Who meets it: servers that say goodbye by GOAWAY when they end, as RFC 9113 §6.8 recommends: they wait for clients that would have
#   gone, and must close the connection themselves after a while.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
cat > see.mjs <<'JS'
import http2 from "node:http2";

/** `end`: how the response's end is put beside the GOAWAY. */
function see(end) {
  return new Promise((resolve) => {
    let response;
    const server = http2.createServer((_req, res) => (response = res).write("begin"));
    server.on("session", (session) => {
      setTimeout(() => {
        end(() => response.end());
        session.goaway(0, 2 ** 31 - 1);
      }, 200);
    });
    server.listen(0, () => {
      const client = http2.connect(`http://localhost:${server.address().port}`);
      let isGone = false;
      client.on("close", () => (isGone = true));
      client.request({ ":path": "/" }).resume();
      setTimeout(() => resolve(`closed: ${client.closed}, gone: ${isGone}`), 2000);
    });
  });
}

console.log(`together: ${await see((end) => end())}`);
console.log(`apart: ${await see((end) => setTimeout(end, 100))}`);
process.exit();
JS
seen=$(timeout 20 node_modules/.bin/node see.mjs)
echo "$seen"
[ "$seen" = "together: closed: true, gone: false
apart: closed: true, gone: true" ]
