#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0), OpenSSL of the machine for a certificate.
# Seen: over TLS, a valid POST that a client has pipelined behind a response which it has not read yet is answered 400: node:http has
#   paused its parser until the client reads, but TLS goes on handing over what it has decrypted, and the parser's "paused"
#   (HPE_PAUSED) arrives as a `clientError`. Without TLS the same bytes get their answers. It happens in most runs, not in all.
# Expected: the same answers with and without TLS, as soon as the client has read.
# Who meets it: proxies and clients that pipeline to an https server of Node and read slowly.
# Date: 2026-11-30
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
cat > see.mjs <<'JS'
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import tls from "node:tls";

const large = Buffer.alloc(8 * 1024 * 1024, "x");
const body = "y".repeat(100_000);
const handler = (req, res) => {
  let bytes = 0;
  req.on("data", (part) => (bytes += part.length));
  req.on("end", () => (req.method === "GET" ? res.end(large) : res.end(`<${bytes}>`)));
};

async function ask(server, connect) {
  const errors = new Set();
  server.on("clientError", (error, socket) => {
    errors.add(error.code);
    socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect(server.address().port);
  client.on("error", () => {});
  await once(client, client.encrypted ? "secureConnect" : "connect");
  client.write("GET / HTTP/1.1\r\nhost: test\r\n\r\n");
  await once(client, "data");
  client.pause();
  const post = (more) => `POST / HTTP/1.1\r\nhost: test\r\n${more}content-length: ${body.length}\r\n\r\n${body}`;
  client.write(post("") + post("") + post("connection: close\r\n"));
  let tail = "";
  client.on("data", (part) => (tail = (tail + part.toString("latin1")).slice(-2000)));
  client.resume();
  // Not `once`: that would reject for the reset which may follow the 400.
  await new Promise((resolve) => client.on("close", resolve));
  server.close();
  const answered = (tail.match(/<100000>/g) ?? []).length;
  return `${answered} of 3${errors.size > 0 ? ` and ${[...errors].join(", ")}` : ""}`;
}

const tlsOptions = { key: readFileSync("key.pem"), cert: readFileSync("cert.pem") };
const plain = await ask(http.createServer(handler), (port) => net.connect(port, "127.0.0.1"));
let secure = "";
for (let run = 0; run < 10 && !secure.includes("HPE"); run++) {
  const connect = (port) => tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  secure = await ask(https.createServer(tlsOptions, handler), connect);
}
console.log(`http: ${plain}; https: ${secure}`);
process.exit();
JS
seen=$(timeout 120 node_modules/.bin/node see.mjs)
echo "$seen"
[[ "$seen" =~ ^"http: 3 of 3; https: "[012]" of 3 and HPE_PAUSED"$ ]]
