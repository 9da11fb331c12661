#!/usr/bin/env bash
# Runs: zeromq 6.8.0 on Node.js 26.10.0 (the npm package node@26.10.0), Linux x64.
# Seen: a worker thread receives on a zeromq socket and ends by process.exit(). The whole process aborts:
#   "terminate called after throwing an instance of 'Napi::Error'". If the thread closes the socket first, only the thread ends.
# Expected: the pending receive is given up with its thread. The other threads go on.
# Who meets it: programs that use zeromq in a thread of several; one thread that is ended takes all others with it.
# Date: 2026-11-29
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
timeout 300 npm install --no-audit --no-fund --loglevel=error node@26.10.0 zeromq@6.8.0 >/dev/null
node=$folder/node_modules/node/bin/node
cat > threads.mjs <<'JS'
import { isMainThread, Worker, workerData } from "node:worker_threads";

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv[2] });
  worker.once("exit", () => console.log("the thread has ended, the main thread goes on"));
} else {
  const { Reply } = await import("zeromq");
  const socket = new Reply();
  await socket.bind("tcp://127.0.0.1:*");
  socket.receive().catch(() => {});
  if (workerData === "closes") socket.close();
  setTimeout(() => process.exit(0), 50);
}
JS
for how in "receives" "closes"; do
  echo "a thread that $how"
  code=0
  timeout 20 "$node" threads.mjs "$how" 2>&1 || code=$?
  echo "exit code $code"
done
