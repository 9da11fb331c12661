#!/usr/bin/env bash
# Runs: Node.js 26.10.0 (the npm package node@26.10.0).
# Seen: closing a net.BoundSocket that is bound to a Unix path removes whatever lies at that path by then, also the socket
#   of another process that has replaced it by rename. The other process listens on, and nobody can connect any more.
# Expected: the file is removed only while it is the one that was bound (device and inode), or there is an option to leave it.
# Who meets it: servers that are replaced without a pause behind a proxy that connects to a Unix socket: the old one, as
#   it ends, takes the new one's socket away.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 >/dev/null
cat > see.mjs <<'JS'
import { existsSync, renameSync } from "node:fs";
import net from "node:net";
const path = `${process.cwd()}/app.sock`;
const old = new net.BoundSocket({ path });
const successor = net.createServer((socket) => socket.end("successor"));
successor.listen(`${path}.new`, () => {
  renameSync(`${path}.new`, path);
  old.close();
  setTimeout(() => {
    console.log(`the successor listens: ${successor.listening}; its socket is there: ${existsSync(path)}`);
    process.exit();
  }, 200);
});
JS
seen=$(timeout 20 node_modules/.bin/node see.mjs)
echo "$seen"
[ "$seen" = "the successor listens: true; its socket is there: false" ]
