#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0). The server is a socket that speaks HTTP/2 frame by frame.
# Seen: a client's request() is called in the listener for a response, while session.closed is false. In the same packet behind that
#   response is a GOAWAY without an error. The new request fails with ERR_HTTP2_STREAM_ERROR, NGHTTP2_REFUSED_STREAM, as if the server had
#   refused it. It was never written to the socket.
# Expected: ERR_HTTP2_GOAWAY_SESSION, Node's error for requests that a session can't carry any more, which is not the server's doing.
# Who meets it: clients that look at session.closed and open a new session, at each restart of a server; and who reads their logs.
# Date: 2026-11-30
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
node=$folder/node_modules/node/bin/node
cat > run.mjs <<'JS'
import { once } from "node:events";
import { connect } from "node:http2";
import { createServer } from "node:net";
const frame = (type, flags, stream, payload = []) =>
  Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream, ...payload]);
const requests = [];
const server = createServer((socket) => {
  let bytes = Buffer.alloc(0);
  let at = 24; // the connection preface
  socket.on("error", () => {});
  socket.write(frame(4, 0, 0));
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= at + 9 && bytes.length >= at + 9 + bytes.readUIntBE(at, 3)) {
      const stream = bytes.readUInt32BE(at + 5);
      if (bytes[at + 3] === 1) {
        requests.push(stream);
        // Status 200, the end of the stream, and GOAWAY.
        socket.write(Buffer.concat([frame(1, 5, stream, [0x88]), frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0])]));
      }
      at += 9 + bytes.readUIntBE(at, 3);
    }
  });
});
await once(server.listen(0, "127.0.0.1"), "listening");
const session = connect(`http://127.0.0.1:${server.address().port}`);
session.on("error", () => {});
const first = session.request({ ":path": "/" });
first.resume();
await once(first, "response");
console.log("closed:", session.closed);
const second = session.request({ ":path": "/" });
const [error] = await once(second, "error");
console.log("second:", error.message);
console.log("streams that the server was sent:", requests.join());
process.exit();
JS
seen=$(timeout 30 "$node" run.mjs)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
closed: false
second: Stream closed with error code NGHTTP2_REFUSED_STREAM
streams that the server was sent: 1
SEEN
