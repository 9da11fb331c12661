#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0), with nghttp2 1.70.0.
# Seen: an HTTP/2 server ends a session as RFC 9113 section 6.8 describes: session.goaway(0, 2 ** 31 - 1), then session.ping(), then
#   session.close() when the PING is answered. A stream that the client sent before it heard of the GOAWAY is ignored, although that
#   GOAWAY allows it, and the last GOAWAY names it as not processed. With no other stream open, ping()'s callback is not called
#   although the answer arrived.
# Expected: until the last GOAWAY streams are taken, as nghttp2 does after its own shutdown notice, which Node does not offer; or
#   goaway()'s documentation says that it ends the taking of streams whatever id it names.
# Who meets it: who reloads or stops an HTTP/2 server without losing requests.
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
import { connect, createServer } from "node:http2";
const server = createServer((req, res) => res.end("hello"));
await once(server.listen(0, "127.0.0.1"), "listening");
const opened = once(server, "session");
const client = connect(`http://127.0.0.1:${server.address().port}`);
client.on("error", () => {});
const ask = async () => {
  const stream = client.request({ ":path": "/" });
  stream.resume();
  try {
    await once(stream, "close");
  } catch {}
  return stream.rstCode === 0 ? "answered" : `error code ${stream.rstCode}`;
};
console.log("before:", await ask());
const [session] = await opened;
session.on("error", () => {});
// Both sides write at the end of this turn: the stream is sent before the GOAWAY has arrived.
const onItsWay = ask();
session.goaway(0, 2 ** 31 - 1);
let pinged = "no answer to the PING within 2 s";
const heard = Promise.withResolvers();
session.ping((error) => {
  if (error === null) pinged = "PING answered";
  heard.resolve();
});
setTimeout(heard.resolve, 2000);
await heard.promise;
console.log(pinged);
session.close();
console.log("on its way:", await onItsWay);
process.exit();
JS
seen=$(timeout 30 "$node" run.mjs)
echo "$seen"
diff <(echo "$seen") - <<'SEEN'
before: answered
no answer to the PING within 2 s
on its way: error code 7
SEEN
